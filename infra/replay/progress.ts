/**
 * How far the replay of a race is: the last record of the race in `pacestream.replays`, written in the same transaction as
 * what it counts.
 */

import { PacestreamError } from "../../runtime/errors.ts";
import type { PartitionReader } from "../../runtime/kafka/log.ts";
import { codecOf } from "../../schemas/codec.ts";
import { NOTHING_SENT, type Sent } from "./script.ts";
import { REPLAYS } from "./topics.ts";

export interface ReplayProgress extends Sent {
  /** SHA-256 of the recording: the counts mean nothing for another one. */
  readonly fingerprint: string;
  /** The run that wrote this, by a name of its own: whoever finds another's has been taken over. */
  readonly owner: string;
  /** When the first read was sent, Unix milliseconds; `null` before. */
  readonly firstReadAtMs: number | null;
}

export const ReplayProgress = codecOf<ReplayProgress>("replay-progress", {
  type: "record",
  name: "ReplayProgress",
  fields: [
    { name: "fingerprint", type: "string" },
    { name: "owner", type: "string" },
    { name: "race", type: "boolean" },
    { name: "entrants", type: "int" },
    { name: "reads", type: "int" },
    { name: "heartbeatMs", type: ["null", "long"] },
    { name: "ended", type: "boolean" },
    { name: "firstReadAtMs", type: ["null", "long"] },
  ],
});

export function noProgress(fingerprint: string): ReplayProgress {
  return { ...NOTHING_SENT, fingerprint, owner: "", firstReadAtMs: null };
}

const POLL_MS = 100;

/** The progress of `race` as committed when this is called, or `undefined`: nothing was sent. */
export async function readProgress(
  reader: PartitionReader,
  race: string,
): Promise<ReplayProgress | undefined> {
  const partition = { topic: REPLAYS, partition: 0 };
  const [range] = await reader.offsets([partition]);
  if (!range || range.first >= range.end) return undefined;
  let latest: ReplayProgress | undefined;
  reader.assign([{ ...partition, offset: range.first }]);
  for (let next = range.first; next < range.end; ) {
    for (const polled of await reader.poll(POLL_MS)) {
      const { records } = polled;
      while (records.next()) {
        const key = records.buffer.toString("utf8", records.keyStart, records.keyEnd);
        if (key !== race || records.valueStart < 0) continue;
        latest = ReplayProgress.decode(records.buffer, records.valueStart, records.valueEnd);
      }
      next = polled.nextOffset;
    }
  }
  return latest;
}

/** Whether `found` may be gone on from with a recording of this fingerprint. @throws PacestreamError when it may not. */
export function checkSameRecording(race: string, found: ReplayProgress, fingerprint: string): void {
  if (found.fingerprint === fingerprint) return;
  throw new PacestreamError(
    "REPLAY_OTHER_RECORDING",
    `Kafka already holds another recording of the race ${race} (${found.reads} reads): ` +
      "give this one another id in race.json, or start with an empty data folder (--data DIR)",
  );
}

/** What the log says about a transaction whose end was not heard. */
export type Settled = "landed" | "missing" | "overtaken";

export function settle(found: ReplayProgress, before: ReplayProgress, after: ReplayProgress): Settled {
  if (isSame(found, after)) return "landed";
  return isSame(found, before) ? "missing" : "overtaken";
}

function isSame(a: ReplayProgress, b: ReplayProgress): boolean {
  return ReplayProgress.encode(a).equals(ReplayProgress.encode(b));
}
