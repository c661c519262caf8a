/**
 * What the stage by race derives from its state: the field's places, and who is due to be called overdue. Made anew from the
 * runners' records after a restore.
 *
 * B1  A record is a runner's updates merged into one: all splits, none removed. `apply` gives the new one; the caller keeps
 *     it, and `restore` of all records makes an equal board.
 */
import type { Race, RunnerUpdate, Standing } from "../../schemas/index.ts";
import { Field } from "./field.ts";
import { asOfClock, DueList, lateSinceMs, nextChangeMs } from "./lateness.ts";
import { applyUpdate, currentStandings } from "./standings.ts";

export class RaceBoard {
  readonly #race: Race;
  readonly #field: Field;
  readonly #due = new DueList();

  constructor(race: Race) {
    this.#race = race;
    this.#field = new Field(race, { live: false });
  }

  restore(record: RunnerUpdate): void {
    applyUpdate(this.#field, record);
    this.#due.set(record.bib, nextChangeMs(this.#race, record));
  }

  /** Takes in a runner's update; the rows to send and the record to keep. `known` is the record so far. */
  apply(
    known: RunnerUpdate | undefined,
    update: RunnerUpdate,
    clockMs: number,
  ): { readonly rows: readonly Standing[]; readonly record: RunnerUpdate } {
    const timed = asOfClock(this.#race, update, clockMs);
    const record = mergeUpdate(known, timed);
    this.#due.set(record.bib, nextChangeMs(this.#race, record));
    return { rows: applyUpdate(this.#field, timed), record };
  }

  /** The bib whose status changes first by the clock alone, and when on the race's clock. */
  nextDue(): { readonly bib: string; readonly dueMs: number } | undefined {
    return this.#due.first();
  }

  /** What the clock alone changes about a runner who is late: an update without times, as of when it came to be so. */
  lateAsOf(record: RunnerUpdate, clockMs: number): RunnerUpdate {
    const sinceMs = lateSinceMs(this.#race, record, clockMs) ?? clockMs;
    return { ...record, splits: [], removed: [], asOfMs: Math.max(record.asOfMs, sinceMs) };
  }

  /** Everything about a runner as it stands now. */
  standings(record: RunnerUpdate): readonly Standing[] {
    return currentStandings(this.#field, record);
  }
}

/** B1. */
export function mergeUpdate(known: RunnerUpdate | undefined, update: RunnerUpdate): RunnerUpdate {
  // The usual case: one more mat, farther than all before.
  const { splits, removed } = update;
  const farther = (known?.splits.at(-1)?.mat ?? -1) < (splits[0]?.mat ?? -1);
  if (known !== undefined && splits.length === 1 && removed.length === 0 && farther)
    return oneMore(known, update);
  const gone = new Set([...update.removed, ...update.splits.map((split) => split.mat)]);
  const kept = known === undefined ? [] : known.splits.filter((split) => !gone.has(split.mat));
  return { ...update, splits: [...kept, ...update.splits].sort((a, b) => a.mat - b.mat), removed: [] };
}

/** Kept for the whole race: with the texts that are kept already, not with equal copies of them. */
function oneMore(known: RunnerUpdate, update: RunnerUpdate): RunnerUpdate {
  const { race, bib } = known;
  return {
    race,
    bib,
    gender: known.gender === update.gender ? known.gender : update.gender,
    division: known.division === update.division ? known.division : update.division,
    country: known.country === update.country ? known.country : update.country,
    status: update.status,
    asOfMs: update.asOfMs,
    splits: [...known.splits, update.splits[0]!],
    removed: update.removed,
    projectedMs: update.projectedMs,
    expectedMs: update.expectedMs,
  };
}
