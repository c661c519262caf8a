/**
 * Who is overdue and who has dropped out, as far as one can tell without being told: by the race's clock alone.
 *
 * A runner is overdue when the next mat's projected time has passed by `overdueAfterMs` without a read, and DNF when it has
 * by `dnfAfterMs`. A read that comes after all puts the runner back into the race.
 *
 * The clock is the RACE's own, not the stream's watermark: a job follows many races, each on the time of its own day, live
 * or replayed at any speed, one after the other or at once, and the watermark knows but the highest of their times.
 */
import type { Race, RunnerUpdate } from "../../schemas/index.ts";

/** `update` with the status that the clock gives it. */
export function asOfClock(race: Race, update: RunnerUpdate, clockMs: number): RunnerUpdate {
  const { expectedMs } = update;
  if (expectedMs === null) return update;
  const lateMs = clockMs - expectedMs;
  if (lateMs >= race.dnfAfterMs) return { ...update, status: "dnf", projectedMs: null };
  const status = lateMs >= race.overdueAfterMs ? "overdue" : "running";
  return status === update.status ? update : { ...update, status };
}

/** Since when on the race's clock a runner is overdue, or DNF; null: neither. */
export function lateSinceMs(race: Race, { expectedMs }: RunnerUpdate, clockMs: number): number | null {
  if (expectedMs === null) return null;
  if (clockMs >= expectedMs + race.dnfAfterMs) return expectedMs + race.dnfAfterMs;
  return clockMs >= expectedMs + race.overdueAfterMs ? expectedMs + race.overdueAfterMs : null;
}

/** The time on the race's clock at which a runner's status changes next if nothing arrives, or null. */
export function nextChangeMs(race: Race, update: RunnerUpdate): number | null {
  if (update.expectedMs === null || update.status === "dnf") return null;
  return update.expectedMs + (update.status === "overdue" ? race.dnfAfterMs : race.overdueAfterMs);
}

/**
 * Runners by the time at which something is due; one time a runner.
 *
 * Each mat moves a runner's time on, and nearly always on: so a runner stands in a heap under a time that was once right, and
 * is moved when that comes to the top. A change costs nothing then, and each runner is moved a few times in a race.
 *
 * DL1  Whoever has a time stands in the heap at least once, under that time or an earlier one.
 */
export class DueList {
  readonly #runners = new Map<string, DueRunner>();
  readonly #heap: Due[] = [];

  /** Sets, moves or (null) takes out a runner's time. */
  set(bib: string, dueMs: number | null): void {
    const runner = this.#runners.get(bib);
    if (runner !== undefined) {
      runner.dueMs = dueMs;
      if (dueMs !== null && (runner.queuedMs === null || dueMs < runner.queuedMs)) this.#push(runner, dueMs);
    } else if (dueMs !== null) {
      const fresh: DueRunner = { bib, dueMs, queuedMs: null };
      this.#runners.set(bib, fresh);
      this.#push(fresh, dueMs);
    }
  }

  /** Who is due first, and when; of those due at one time, the one whose bib is first. */
  first(): { readonly bib: string; readonly dueMs: number } | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      const { runner } = top;
      if (runner.dueMs === top.dueMs) return top;
      popTop(this.#heap);
      if (runner.queuedMs !== top.dueMs) continue;
      runner.queuedMs = null;
      if (runner.dueMs === null) this.#runners.delete(runner.bib);
      else this.#push(runner, runner.dueMs);
    }
    return undefined;
  }

  #push(runner: DueRunner, dueMs: number): void {
    runner.queuedMs = dueMs;
    pushInto(this.#heap, { bib: runner.bib, dueMs, runner });
  }
}

interface DueRunner {
  readonly bib: string;
  dueMs: number | null;
  /** What the runner stands under in the heap, at the earliest; null: not there. */
  queuedMs: number | null;
}

interface Due {
  readonly bib: string;
  readonly dueMs: number;
  readonly runner: DueRunner;
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.bib < b.bib);
}

function pushInto(heap: Due[], due: Due): void {
  let at = heap.length;
  heap.push(due);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(due, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = due;
}

function popTop(heap: Due[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
