/**
 * The stage by runner: keeps everything about a bib, judges it anew at each read or correction (runner.ts), and sends on
 * what that changes. Only which record touches which state is here.
 *
 * RS1  A read or correction whose id is there already is the same message again: the first stays.
 * RS2  While the race is not known, nothing is said and nothing is lost: the key waits and then says all at once.
 * RS3  A bib is called unknown only when its entrant has not come within a moment of its first read: start list and reads
 *      are two topics, and a task that catches up may see either first.
 */
import {
  type Context,
  codecOf,
  type KeyedProcess,
  mapState,
  sideOutput,
  type TableReference,
  valueState,
} from "../../runtime/index.ts";
import {
  Correction,
  type CorrectionOutcome,
  Entrant,
  type PassingOutcome,
  type Race,
  RunnerUpdate,
} from "../../schemas/index.ts";
import { judge, type ReceivedRead, type RunnerView } from "./runner.ts";
import { diff } from "./runner-diff.ts";
import { nextRead, type SmoothRun, smoothRunOf } from "./smooth-run.ts";

/** What the stage takes in about a runner. */
export type RunnerInput = {
  readonly race: string;
  readonly bib: string;
} /** `undefined`: taken off the start list. */ & (
  | { readonly entrant: Entrant | undefined }
  | { readonly read: ReceivedRead }
  | { readonly correction: Correction }
);

/** The key of everything about one runner; a race's id has no slash. */
export const runnerKey = (runner: { readonly race: string; readonly bib: string }) =>
  `${runner.race}/${runner.bib}`;

/** The runner that a key is of. @throws Error when it is of none */
export function runnerOf(key: string): { readonly race: string; readonly bib: string } {
  const slash = key.indexOf("/");
  if (slash < 1 || slash === key.length - 1) throw new Error(`key "${key}" is not RACE/BIB`);
  return { race: key.slice(0, slash), bib: key.slice(slash + 1) };
}

/** What became of every read. */
export const outcomes = sideOutput<PassingOutcome>("outcomes");
/** The reads of bibs that are on no start list, again. */
export const unknownBibs = sideOutput<PassingOutcome>("unknown-bibs");
export const verdicts = sideOutput<CorrectionOutcome>("verdicts");

const KeptRead = codecOf<ReceivedRead>("kept-read", {
  type: "record",
  name: "KeptRead",
  fields: [
    { name: "id", type: "string" },
    { name: "bib", type: "string" },
    { name: "mat", type: "string" },
    { name: "timeMs", type: "long" },
    { name: "receivedMs", type: "long" },
  ],
});

const state = {
  entrant: valueState(Entrant),
  reads: mapState(KeptRead),
  corrections: mapState(Correction),
  /** Set while nothing has been said of what is kept (RS2, RS3). */
  waiting: valueState(codecOf<boolean>("flag", "boolean")),
};

/** RS2, RS3: how long a key waits before it looks again. */
const WAIT_MS = 1000;

interface StepTables extends Record<string, TableReference<unknown>> {
  readonly races: TableReference<Race>;
}

/** A runner whose reads fit together is followed without judging them again at every mat (smooth-run.ts). */
interface Following {
  /** Undefined: the run is not smooth, or nothing was judged yet. */
  run: SmoothRun | undefined;
}

type StepContext = Context<RunnerUpdate, typeof state, StepTables, Following>;

export function runnerStep(
  races: TableReference<Race>,
): KeyedProcess<RunnerInput, RunnerUpdate, typeof state, StepTables, Following> {
  return {
    emits: RunnerUpdate,
    sides: [outcomes, unknownBibs, verdicts],
    state,
    tables: { races },
    timers: ["processing"],
    index({ state, ...context }) {
      const known = state.waiting.get() === true ? undefined : view({ ...context, state });
      return { run: known && smoothRunOf(known) };
    },
    process(input, context) {
      // Before the input is in state: an index made now must not hold it already.
      const following = context.index;
      if (following.run && "read" in input && goOn(input.read, following, following.run, context)) return;
      const waiting = context.state.waiting.get() === true;
      const before = waiting ? undefined : view(context);
      if (!keep(input, context)) return;
      const mayBeEarly =
        before === undefined ||
        (before.entrant === undefined && before.reads.length + before.corrections.length === 0);
      const after = view(context);
      following.run = undefined;
      if (after === undefined || (after.entrant === undefined && mayBeEarly)) {
        if (!waiting) wait(context);
        return;
      }
      if (waiting) context.state.waiting.clear();
      tell(context, before, after);
      following.run = smoothRunOf(after);
    },
    onTimer(_timer, context) {
      if (context.state.waiting.get() !== true) return;
      const after = view(context);
      if (after === undefined) return wait(context);
      context.state.waiting.clear();
      tell(context, undefined, after);
      context.index.run = smoothRunOf(after);
    },
  };
}

/** The usual read, of a smooth run's next mat; false: it has to be judged with the others. */
function goOn(read: ReceivedRead, following: Following, run: SmoothRun, context: StepContext): boolean {
  const { state, tables } = context;
  const race = tables.races.get(run.entrant.race);
  if (race === undefined || state.reads.has(read.id)) return false;
  const next = nextRead(race, run, read);
  if (next === undefined) return false;
  // Kept for the whole race: with the texts that are kept already, not with copies of them.
  const { bib } = run.entrant;
  const mat = race.mats[next.update.splits[0]!.mat]!.id;
  const { id, timeMs, receivedMs } = read;
  state.reads.put(id, { id, bib, mat, timeMs, receivedMs });
  following.run = next.run;
  context.side(outcomes, next.passing);
  context.emit(next.update);
  return true;
}

/** Puts the input into state; false when it is there already (RS1). */
function keep(input: RunnerInput, { state }: StepContext): boolean {
  if ("entrant" in input) {
    if (input.entrant === undefined) state.entrant.clear();
    else state.entrant.put(input.entrant);
    return true;
  }
  const [id, kept] =
    "read" in input ? [input.read.id, state.reads] : [input.correction.id, state.corrections];
  if (kept.has(id)) return false;
  if ("read" in input) state.reads.put(id, input.read);
  else state.corrections.put(id, input.correction);
  return true;
}

/** The runner as what is kept says; undefined: the race is not known. */
function view({ key, state, tables }: Pick<StepContext, "key" | "state" | "tables">): RunnerView | undefined {
  const of = runnerOf(key);
  const race = tables.races.get(of.race);
  return race && judge(race, of.bib, state.entrant.get(), state.reads.values(), state.corrections.values());
}

function wait({ now, state, timers }: StepContext): void {
  state.waiting.put(true);
  timers.onProcessingTime(now + WAIT_MS);
}

function tell(context: StepContext, before: RunnerView | undefined, after: RunnerView): void {
  const { passings, corrections, update } = diff(before, after);
  for (const passing of passings) {
    context.side(outcomes, passing);
    if (passing.fate === "unknown_bib") context.side(unknownBibs, passing);
  }
  for (const correction of corrections) context.side(verdicts, correction);
  if (update !== undefined) context.emit(update);
}
