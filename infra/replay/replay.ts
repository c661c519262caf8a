/** A recorded race as a play: what its steps are as records. How they get into Kafka is `play.ts`'s. */
import { assert } from "../../runtime/errors.ts";
import type { FrameWriter } from "../../runtime/kafka/frames.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { Entrant, Race, TimingMessage } from "../../schemas/index.ts";
import { type Play, type PlayLog, type PlayOptions, type PlayResult, perform } from "./play.ts";
import { noProgress, ReplayProgress } from "./progress.ts";
import { countStep, heartbeatEveryMs, type Recording, type Step, script } from "./script.ts";
import type { Speed } from "./tempo.ts";
import { ENTRANTS, PASSINGS, RACES, runnerKey } from "./topics.ts";

/** What a replay needs of Kafka. */
export interface ReplayLog extends PlayLog<ReplayProgress> {
  readonly entrantPartitions: number;
  readonly passingPartitions: number;
}

export interface ReplayOptions extends PlayOptions<ReplayProgress> {
  readonly recording: Recording;
  /** Differs for every other recording. */
  readonly fingerprint: string;
  readonly log: ReplayLog;
}

export type ReplayResult = PlayResult<ReplayProgress>;

/** Indices into this are the topics of frames. */
const TOPICS = [RACES, ENTRANTS, PASSINGS] as const;
const [RACE, ENTRANT, PASSING] = [0, 1, 2] as const;
const NO_PREFIX = new Uint8Array(0);

/** Sends what is left of the recording: see `perform`. */
export function replay(options: ReplayOptions): Promise<ReplayResult> {
  return perform(racePlay(options), options);
}

function racePlay({ recording, fingerprint, speed, log }: ReplayOptions): Play<ReplayProgress, Step> {
  const race = recording.race.id;
  const beatsEveryMs = heartbeatEveryMsAt(speed);
  return {
    id: race,
    fingerprint,
    fresh: noProgress(fingerprint),
    progress: ReplayProgress,
    topics: TOPICS,
    amount: ({ reads }) => `${reads} reads`,
    steps: (sent) => script(recording, sent, beatsEveryMs),
    dueMs: (step) => (step.kind === "read" || step.kind === "heartbeat" ? step.dueMs : undefined),
    write: (step, frames, nowMs) => writeStep(race, log, step, frames, nowMs),
    count(sent, step, nowMs) {
      countStep(sent, step);
      if (step.kind === "read") sent.firstReadAtMs ??= nowMs;
    },
  };
}

function heartbeatEveryMsAt(speed: Speed): number {
  return speed === "max" ? 60_000 : heartbeatEveryMs(speed);
}

function writeStep(race: string, log: ReplayLog, step: Step, frames: FrameWriter, nowMs: number): void {
  const { entrantPartitions, passingPartitions } = log;
  switch (step.kind) {
    case "race":
      frames.write(RACE, 0, nowMs, race, Race.encode(step.race));
      break;
    case "entrant": {
      const key = runnerKey(race, step.entrant.bib);
      frames.write(ENTRANT, partitionOf(key, entrantPartitions), nowMs, key, Entrant.encode(step.entrant));
      break;
    }
    case "read": {
      const { read } = step.message;
      assert(read, "a recording holds reads only");
      const key = runnerKey(race, read.bib);
      const partition = partitionOf(key, passingPartitions);
      frames.writeEncoded(PASSING, partition, nowMs, key, NO_PREFIX, TimingMessage, step.message);
      break;
    }
    case "heartbeat": {
      const value = TimingMessage.encode({ race, receivedMs: step.receivedMs, read: null });
      // The key is the race alone: it says nothing of where the heartbeat goes.
      for (let p = 0; p < passingPartitions; p++) frames.write(PASSING, p, nowMs, race, value);
      break;
    }
  }
}
