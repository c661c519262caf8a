/**
 * What a replay sends, in which order, and when by the race clock. Pure: no clock, no Kafka.
 *
 * Order: the race · its entrants · reads in order of arrival, with heartbeats between · one heartbeat that ends the race.
 *
 * R1  The order depends on the recording alone: a count of what was sent says exactly what comes next (heartbeats repeat
 *     harmlessly, so their spacing may differ from one run to the next).
 * R2  A heartbeat `b` stands after every read received up to `b` and before every later one, in every partition.
 * R3  The last heartbeat lies beyond every time a runner of this race can still be waited for.
 */
import type { Entrant, Race, TimingMessage } from "../../schemas/index.ts";

/** A recorded race as the replay needs it. */
export interface Recording {
  readonly race: Race;
  entrants(): Items<Entrant>;
  /** In order of arrival, each with a read. The same each time it is asked for. */
  passings(): Items<TimingMessage>;
}

type Items<T> = Iterable<T> | AsyncIterable<T>;

/** How much of a recording has been sent. */
export interface Sent {
  readonly race: boolean;
  readonly entrants: number;
  readonly reads: number;
  /** The last heartbeat, milliseconds of the race's day; `null` before the first. */
  readonly heartbeatMs: number | null;
  /** The heartbeat that ends the race was sent: nothing is left. */
  readonly ended: boolean;
}

export const NOTHING_SENT: Sent = { race: false, entrants: 0, reads: 0, heartbeatMs: null, ended: false };

export type Step =
  | { readonly kind: "race"; readonly race: Race }
  | { readonly kind: "entrant"; readonly entrant: Entrant }
  /** Due at `dueMs` of the race's day. */
  | { readonly kind: "read"; readonly dueMs: number; readonly message: TimingMessage }
  /** To every partition. `last` ends the race. */
  | {
      readonly kind: "heartbeat";
      readonly dueMs: number;
      readonly receivedMs: number;
      readonly last: boolean;
    };

/** The steps that are left after `sent`. `heartbeatEveryMs` is in race time. */
export async function* script(
  recording: Recording,
  sent: Sent,
  heartbeatEveryMs: number,
): AsyncGenerator<Step, void> {
  if (sent.ended) return;
  if (!sent.race) yield { kind: "race", race: recording.race };
  let entrants = 0;
  for await (const entrant of recording.entrants()) {
    if (++entrants > sent.entrants) yield { kind: "entrant", entrant };
  }
  let reads = 0;
  // A recording may not be perfectly in order of `receivedMs`; it is sent in its own order, and the clock never goes back.
  let clockMs = recording.race.gunMs;
  let beatMs: number | undefined;
  for await (const message of recording.passings()) {
    clockMs = reads === 0 ? message.receivedMs : Math.max(clockMs, message.receivedMs);
    if (++reads <= sent.reads) continue;
    beatMs ??= nextBeat(sent.heartbeatMs ?? clockMs, heartbeatEveryMs);
    for (; beatMs < clockMs; beatMs += heartbeatEveryMs) {
      yield { kind: "heartbeat", dueMs: beatMs, receivedMs: beatMs, last: false }; // R2
    }
    yield { kind: "read", dueMs: clockMs, message };
  }
  yield {
    kind: "heartbeat",
    dueMs: clockMs,
    receivedMs: endOfWaitingMs(recording.race, clockMs),
    last: true,
  };
}

/** Counts one more step in `sent`: in place, for this is done half a million times. */
export function countStep(sent: { -readonly [K in keyof Sent]: Sent[K] }, step: Step): void {
  switch (step.kind) {
    case "race":
      sent.race = true;
      break;
    case "entrant":
      sent.entrants++;
      break;
    case "read":
      sent.reads++;
      break;
    case "heartbeat":
      sent.heartbeatMs = step.receivedMs;
      sent.ended = step.last;
      break;
  }
}

/** A heartbeat for each race minute, and at a slow speed for each second on the wall. `speed` is race time to wall time. */
export function heartbeatEveryMs(speed: number): number {
  return Math.min(60_000, Math.max(1, Math.floor(speed * 1000)));
}

function nextBeat(afterMs: number, everyMs: number): number {
  return (Math.floor(afterMs / everyMs) + 1) * everyMs;
}

/** An hour a kilometre: slower than anybody is projected to be. */
const PACE_SLOWEST_MS_PER_M = 3_600;
const DAY_MS = 86_400_000;

/**
 * R3: a runner read last at `lastMs` is projected at the next mat at the latest after the longest leg at the slowest pace,
 * and is given up `dnfAfterMs` later.
 */
function endOfWaitingMs(race: Race, lastMs: number): number {
  let longestM = 0;
  for (let i = 1; i < race.mats.length; i++) {
    longestM = Math.max(longestM, race.mats[i]!.distanceM - race.mats[i - 1]!.distanceM);
  }
  const legMs = Math.ceil(longestM * PACE_SLOWEST_MS_PER_M);
  return lastMs + Math.max(race.dnfAfterMs, race.overdueAfterMs) + Math.max(DAY_MS, legMs);
}
