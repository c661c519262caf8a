/**
 * The marathon leaderboard: races, start lists, reads and corrections in; what became of each read, and who stands where,
 * out. The rules of the sport are in lib/.
 */
import { job, seconds, topic, type WatermarkGenerator, watermarkBy } from "../runtime/index.ts";
import {
  Correction,
  CorrectionOutcome,
  Entrant,
  PassingOutcome,
  Race,
  RunnerUpdate,
  Standing,
  TimingMessage,
} from "../schemas/index.ts";
import { advanced, NOT_BEGUN } from "./lib/agreed-clock.ts";
import { finishesTopic, finishOf } from "./lib/finishes.ts";
import { checkCorrection, checkEntrant, checkMessage } from "./lib/input-checks.ts";
import { clockTick, raceStep } from "./lib/race-step.ts";
import {
  outcomes,
  type RunnerInput,
  runnerKey,
  runnerOf,
  runnerStep,
  unknownBibs,
  verdicts,
} from "./lib/runner-step.ts";

const DISORDER_MAX_MS = seconds(5);

const idOf = ({ race, id }: { readonly race: string; readonly id: string }) => `${race}/${id}`;

/** Each keyed by `runnerKey`, but for the heartbeats among the passings, which go to every partition. */
const entrants = topic("entrants", Entrant);
const passings = topic("passings", TimingMessage);
const corrections = topic("corrections", Correction);

const standings = topic("standings", Standing, {
  key: ({ race, mat, bib }) => `${race}/${mat}/${bib}`,
  // One reader of a partition sees a race's standings in the order they came to be.
  partitionBy: ({ race }) => race,
});

/** Time of a partition as two of its runners agree on it: no single clock carries it away (lib/agreed-clock.ts). */
function agreedProgress(): WatermarkGenerator<TimingMessage> {
  let clock = NOT_BEGUN;
  return {
    onRecord({ race, read }, timeMs) {
      clock = advanced(clock, read === null ? undefined : runnerKey({ race, bib: read.bib }), timeMs);
      return clock.agreedMs - DISORDER_MAX_MS - 1;
    },
  };
}

/** `entrants`, `passings`, `corrections` → runner → race → `standings`; what became of each read and correction, and who has come in (`finishes`). */
export default job("marathon-leaderboard", (flow) => {
  const races = flow.table(topic("races", Race), { keyOf: (race) => race.id });
  const messages = flow
    .from(passings)
    .watermark(watermarkBy({ timeOf: (message) => message.receivedMs, generator: agreedProgress }));
  const reads = messages.flatMap("reads", (message): RunnerInput[] => {
    checkMessage(message);
    const { race, receivedMs, read } = message;
    return read === null ? [] : [{ race, bib: read.bib, read: { ...read, receivedMs } }];
  });
  const heartbeats = messages.flatMap("heartbeats", ({ race, receivedMs, read }) =>
    read === null ? [clockTick(race, receivedMs)] : [],
  );

  // The steps' names are those of their state in every checkpoint: renaming one orphans it.
  const runners = reads
    .union(
      flow.rows(entrants).map("entries", ({ key, value: entrant }): RunnerInput => {
        if (entrant === undefined) return { ...runnerOf(key), entrant };
        checkEntrant(entrant);
        return { race: entrant.race, bib: entrant.bib, entrant };
      }),
      flow.from(corrections).map("decisions", (correction): RunnerInput => {
        checkCorrection(correction);
        return { race: correction.race, bib: correction.bib, correction };
      }),
    )
    .keyBy(runnerKey)
    .process("by-runner", runnerStep(races));
  // In the partition of the runner, as the reads are: what is said of one runner stays in order.
  const byId = { key: idOf, partitionBy: runnerKey };
  runners.side(outcomes).to(topic("passing-outcomes", PassingOutcome, byId));
  runners.side(unknownBibs).to(topic("unknown-bibs", PassingOutcome, byId));
  runners.flatMap("finishes", finishOf).to(finishesTopic());
  runners.side(verdicts).to(topic("correction-outcomes", CorrectionOutcome, byId));

  runners
    .union(heartbeats)
    .keyBy((update) => update.race, { exchange: { name: "runner-updates", codec: RunnerUpdate } })
    .process("by-race", raceStep(races))
    .to(standings);
});
