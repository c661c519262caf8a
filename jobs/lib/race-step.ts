/**
 * The stage by race: keeps every runner's record and the race's clock, finds each changed split its places (race-board.ts),
 * and calls runners overdue (lateness.ts). Only which record touches which state is here.
 *
 * FS1  The race's clock is the highest time that two of its runners gave, or a heartbeat of its timing system, held back to the
 *      watermark: a task that is ahead of the others calls nobody overdue whose read another one has not come to yet, and no
 *      single read moves the race.
 * FS2  While the race is not known, nothing is said and nothing is lost: its runners are kept, and then said all at once.
 */
import {
  type Context,
  codecOf,
  type KeyedProcess,
  mapState,
  type TableReference,
  valueState,
} from "../../runtime/index.ts";
import { type Race, RunnerUpdate, Standing } from "../../schemas/index.ts";
import { type AgreedClock, advanced, NOT_BEGUN } from "./agreed-clock.ts";
import { mergeUpdate, RaceBoard } from "./race-board.ts";

const Ahead = codecOf<NonNullable<AgreedClock["ahead"]>>("ahead", {
  type: "record",
  name: "Ahead",
  fields: [
    { name: "who", type: "string" },
    { name: "atMs", type: "long" },
  ],
});

const state = {
  runners: mapState(RunnerUpdate),
  /** Milliseconds of the race's day. */
  clock: valueState(codecOf<number>("milliseconds", "long")),
  /** Of the one runner whose reads are ahead of the clock by themselves. */
  ahead: valueState(Ahead),
  /** Set while nothing has been said of what is kept (FS2). */
  waiting: valueState(codecOf<boolean>("flag", "boolean")),
};

const WAIT_MS = 250;

interface StepTables extends Record<string, TableReference<unknown>> {
  readonly races: TableReference<Race>;
}

type StepContext = Context<Standing, typeof state, StepTables, RaceBoard | undefined>;

export function raceStep(
  races: TableReference<Race>,
): KeyedProcess<RunnerUpdate, Standing, typeof state, StepTables, RaceBoard | undefined> {
  return {
    emits: Standing,
    state,
    tables: { races },
    timers: ["event", "processing"],
    index({ key, state, tables }) {
      const race = tables.races.get(key);
      if (race === undefined) return undefined;
      const board = new RaceBoard(race);
      for (const record of state.runners.values()) board.restore(record);
      return board;
    },
    process(update, context) {
      // Before the update is in state: a board made now must not hold it already.
      const board = context.index;
      moveClock(update, context);
      if (board === undefined) return keepForLater(context, update);
      sayWhatWaited(context, board);
      if (update.bib !== "") apply(context, board, update);
      callLate(context, board);
    },
    onTimer(_timer, context) {
      const board = context.index;
      if (board === undefined) return context.timers.onProcessingTime(context.now + WAIT_MS);
      sayWhatWaited(context, board);
      callLate(context, board);
    },
  };
}

/** Says that a race's clock has come to a time, in the words of a runner's update. */
export function clockTick(race: string, asOfMs: number): RunnerUpdate {
  return {
    race,
    bib: "",
    gender: "",
    division: "",
    country: "",
    status: "registered",
    asOfMs,
    splits: [],
    removed: [],
    projectedMs: null,
    expectedMs: null,
  };
}

/** FS1. */
function moveClock({ bib, asOfMs }: RunnerUpdate, { state }: StepContext): void {
  const agreedMs = state.clock.get() ?? NOT_BEGUN.agreedMs;
  const ahead = state.ahead.get();
  const next = advanced({ agreedMs, ahead }, bib === "" ? undefined : bib, asOfMs);
  if (next.agreedMs > agreedMs) state.clock.put(next.agreedMs);
  if (next.ahead && next.ahead !== ahead) state.ahead.put(next.ahead);
}

/** FS1. */
function clockMs({ state, watermark }: StepContext): number {
  return Math.min(state.clock.get() ?? NOT_BEGUN.agreedMs, watermark);
}

function apply(context: StepContext, board: RaceBoard, update: RunnerUpdate): void {
  const { runners } = context.state;
  const { rows, record } = board.apply(runners.get(update.bib), update, clockMs(context));
  runners.put(update.bib, record);
  for (const row of rows) context.emit(row);
}

function callLate(context: StepContext, board: RaceBoard): void {
  const now = clockMs(context);
  for (let due = board.nextDue(); due !== undefined; due = board.nextDue()) {
    if (due.dueMs > now) {
      // A later message moves the race's own clock; only what waits for the watermark alone needs a timer.
      if (due.dueMs <= (context.state.clock.get() ?? now)) context.timers.onEventTime(due.dueMs);
      return;
    }
    apply(context, board, board.lateAsOf(context.state.runners.get(due.bib)!, now));
  }
}

function keepForLater({ now, state, timers }: StepContext, update: RunnerUpdate): void {
  if (update.bib !== "") state.runners.put(update.bib, mergeUpdate(state.runners.get(update.bib), update));
  if (state.waiting.get() === true) return;
  state.waiting.put(true);
  timers.onProcessingTime(now + WAIT_MS);
}

function sayWhatWaited(context: StepContext, board: RaceBoard): void {
  const { runners, waiting } = context.state;
  if (waiting.get() !== true) return;
  waiting.clear();
  for (const record of runners.values()) for (const row of board.standings(record)) context.emit(row);
}
