/**
 * How far a play is: the last record under its id in `pacestream.replays`, written in the same transaction as what it counts.
 */

import { PacestreamError } from "../../runtime/errors.ts";
import type { PartitionReader } from "../../runtime/kafka/log.ts";
import { type Codec, codecOf } from "../../schemas/codec.ts";
import { NOTHING_SENT, type Sent } from "./script.ts";
import { REPLAYS } from "./topics.ts";

/** What the progress of every play says. */
export interface PlayProgress {
  /** SHA-256 of what is played: the counts mean nothing for anything else. */
  readonly fingerprint: string;
  /** The run that wrote this, by a name of its own: whoever finds another's has been taken over. */
  readonly owner: string;
  /** Everything was sent. */
  readonly ended: boolean;
}

/** Of a race. */
export interface ReplayProgress extends PlayProgress, Sent {
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

/** The progress of the play `id` as committed when this is called, or `undefined`: nothing was sent. */
export async function readProgress<P>(
  reader: PartitionReader,
  id: string,
  codec: Codec<P>,
): Promise<P | undefined> {
  const partition = { topic: REPLAYS, partition: 0 };
  const [range] = await reader.offsets([partition]);
  if (!range || range.first >= range.end) return undefined;
  let latest: P | undefined;
  reader.assign([{ ...partition, offset: range.first }]);
  for (let next = range.first; next < range.end; ) {
    for (const polled of await reader.poll(POLL_MS)) {
      const { records } = polled;
      while (records.next()) {
        const key = records.buffer.toString("utf8", records.keyStart, records.keyEnd);
        if (key !== id || records.valueStart < 0) continue;
        latest = codec.decode(records.buffer, records.valueStart, records.valueEnd);
      }
      next = polled.nextOffset;
    }
  }
  return latest;
}

/** Whether `found` may be gone on from. @throws PacestreamError when it counts something else. */
export function checkSameRecording<P extends PlayProgress>(
  play: { readonly id: string; readonly fingerprint: string; amount(sent: P): string },
  found: P,
): void {
  if (found.fingerprint === play.fingerprint) return;
  throw new PacestreamError(
    "REPLAY_OTHER_RECORDING",
    `Kafka already holds another recording of ${play.id} (${play.amount(found)}): ` +
      "give this one another id (id in race.json, --name for devices), or start with an empty data folder (--data DIR)",
  );
}

/** What the log says about a transaction whose end was not heard. */
export type Settled = "landed" | "missing" | "overtaken";

export function settle<P>(codec: Codec<P>, found: P, before: P, after: P): Settled {
  const isFound = (progress: P) => codec.encode(progress).equals(codec.encode(found));
  if (isFound(after)) return "landed";
  return isFound(before) ? "missing" : "overtaken";
}
