/**
 * The marathon leaderboard: races, start lists, reads and corrections in; what became of each read, and who stands where,
 * out. The rules of the sport are in lib/.
 */
import { boundedDisorder, job, seconds, topic } from "../runtime/index.ts";
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
import { checkCorrection, checkEntrant, checkMessage } from "./lib/input-checks.ts";
import { clockTick, raceStep } from "./lib/race-step.ts";
import {
  outcomes,
  type RunnerInput,
  runnerKey,
  runnerStep,
  unknownBibs,
  verdicts,
} from "./lib/runner-step.ts";

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

/** `entrants`, `passings`, `corrections` → runner → race → `standings`; and what became of each read and correction. */
export default job("marathon-leaderboard", (flow) => {
  const races = flow.table(topic("races", Race), { keyOf: (race) => race.id });
  const messages = flow
    .from(passings)
    .watermark(boundedDisorder({ timeOf: (message) => message.receivedMs, disorderMax: seconds(5) }));
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
      flow.from(entrants).map("entries", (entrant): RunnerInput => {
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
  runners.side(verdicts).to(topic("correction-outcomes", CorrectionOutcome, byId));

  runners
    .union(heartbeats)
    .keyBy((update) => update.race, { exchange: { name: "runner-updates", codec: RunnerUpdate } })
    .process("by-race", raceStep(races))
    .to(standings);
});
