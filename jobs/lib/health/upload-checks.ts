/**
 * What cannot be judged: thrown before it touches state or moves time, so that it ends among the dead letters with its reason.
 *
 * UC1  Texts that become keys are short.
 * UC2  No reading is from after its upload was received, but for what a clock may be off: one of the year 2999 would carry the
 *      watermark away with it and make everybody else late.
 */
import type { AlertAcknowledgement, Upload } from "../../../schemas/index.ts";

const TEXT_MAX = 200;
const NOTE_MAX = 2_000;
const READINGS_MAX = 100_000;
const AHEAD_MAX_MS = 5 * 60_000;

/** @throws Error with the reason. */
export function checkUpload(upload: Upload): Upload {
  const { participant, event, device, receivedMs, readings } = upload;
  checkText("participant", participant);
  checkText("device", device);
  if (event !== null) checkText("event", event);
  if (readings.length === 0) throw new Error("readings is empty");
  if (readings.length > READINGS_MAX)
    throw new Error(`${readings.length} readings, more than ${READINGS_MAX}`);
  let beforeMs = Number.NEGATIVE_INFINITY;
  for (const { tsMs } of readings) {
    if (tsMs < beforeMs) throw new Error(`a reading of ${tsMs} stands after one of ${beforeMs}`);
    beforeMs = tsMs;
  }
  const aheadMs = beforeMs - receivedMs;
  if (aheadMs > AHEAD_MAX_MS)
    throw new Error(`a reading is ${aheadMs} ms from after it was received: the device's clock is wrong`);
  return upload;
}

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
