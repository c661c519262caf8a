/**
 * What of an upload can be judged. What cannot be at all is thrown before it touches state or moves time, so that it ends among
 * the dead letters with its reason.
 *
 * UC1  Texts that become keys are short.
 * UC2  No reading is from after its upload was received, but for what a clock may be off, nor from before there were watches: it
 *      is left out, and told by `misdated`. An upload with nothing else is thrown.
 * UC3  Values that cannot be are no values (../plausible.ts).
 */
import type { AlertAcknowledgement, Reading, Upload } from "../../../schemas/index.ts";
import { PERSON, plausible, READ_AT_MS, within } from "../plausible.ts";

const TEXT_MAX = 200;
const NOTE_MAX = 2_000;
const READINGS_MAX = 100_000;
export const AHEAD_MAX_MS = 5 * 60_000;

/** The upload as it can be judged. @throws Error with the reason. */
export function checkUpload(upload: Upload): Upload {
  const { participant, event, device } = upload;
  checkText("participant", participant);
  checkText("device", device);
  if (event !== null) checkText("event", event);
  const { length } = upload.readings;
  if (length === 0) throw new Error("readings is empty");
  if (length > READINGS_MAX) throw new Error(`${length} readings, more than ${READINGS_MAX}`);
  const readings = upload.readings
    .filter((reading) => isDated(upload, reading))
    .map((reading) => plausible(reading, PERSON));
  if (readings.length === 0)
    throw new Error(
      `none of ${length} readings has a time that can be (the first ${upload.readings[0]!.tsMs}): the device's clock is wrong`,
    );
  let beforeMs = Number.NEGATIVE_INFINITY;
  for (const { tsMs } of readings) {
    if (tsMs < beforeMs) throw new Error(`a reading of ${tsMs} stands after one of ${beforeMs}`);
    beforeMs = tsMs;
  }
  return { ...upload, readings };
}

/** UC2: the readings that `checkUpload` leaves out, if any. */
export function misdated(upload: Upload): Upload[] {
  const readings = upload.readings.filter((reading) => !isDated(upload, reading));
  return readings.length > 0 && readings.length < upload.readings.length ? [{ ...upload, readings }] : [];
}

const isDated = ({ receivedMs }: Upload, { tsMs }: Reading): boolean =>
  within(tsMs, READ_AT_MS) && tsMs - receivedMs <= AHEAD_MAX_MS;

/** @throws Error with the reason. */
export function checkAcknowledgement(acknowledgement: AlertAcknowledgement): AlertAcknowledgement {
  const { id, participant, by, note } = acknowledgement;
  checkText("participant", participant);
  checkText("by", by);
  if (note !== null && note.length > NOTE_MAX)
    throw new Error(`note has ${note.length} characters, more than ${NOTE_MAX}`);
  if (id.length > 2 * TEXT_MAX || !id.startsWith(`${participant}/`))
    throw new Error("id is not that of an alert of the participant");
  return acknowledgement;
}

function checkText(field: string, text: string): void {
  if (text === "") throw new Error(`${field} is empty`);
  if (text.length > TEXT_MAX)
    throw new Error(`${field} has ${text.length} characters, more than ${TEXT_MAX}`);
}
