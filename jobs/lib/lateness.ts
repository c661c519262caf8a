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
import { RankedList } from "./ranked-list.ts";

/** `update` with the status that the clock gives it. */
export function asOfClock(race: Race, update: RunnerUpdate, clockMs: number): RunnerUpdate {
  const { expectedMs } = update;
  if (expectedMs === null) return update;
  const lateMs = clockMs - expectedMs;
  if (lateMs >= race.dnfAfterMs) return { ...update, status: "dnf", projectedMs: null };
  return { ...update, status: lateMs >= race.overdueAfterMs ? "overdue" : "running" };
}

/** The time on the race's clock at which a runner's status changes next if nothing arrives, or null. */
export function nextChangeMs(race: Race, update: RunnerUpdate): number | null {
  if (update.expectedMs === null || update.status === "dnf") return null;
  return update.expectedMs + (update.status === "overdue" ? race.dnfAfterMs : race.overdueAfterMs);
}

/** Runners by the time at which something is due; one time a runner. */
export class DueList {
  readonly #list = new RankedList((a, b) => a - b);
  readonly #numbers = new Map<string, number>();
  readonly #bibs: string[] = [];
  readonly #dueMs: (number | null)[] = [];

  /** Sets, moves or (null) takes out a runner's time. */
  set(bib: string, dueMs: number | null): void {
    let number = this.#numbers.get(bib);
    if (number === undefined) {
      if (dueMs === null) return;
      number = this.#bibs.length;
      this.#numbers.set(bib, number);
      this.#bibs.push(bib);
      this.#dueMs.push(null);
    }
    const known = this.#dueMs[number]!;
    if (known === dueMs) return;
    if (known !== null) this.#list.remove(known, number);
    if (dueMs !== null) this.#list.insert(dueMs, number);
    this.#dueMs[number] = dueMs;
  }

  /** Who is due first, and when. */
  first(): { readonly bib: string; readonly dueMs: number } | undefined {
    const first = this.#list.at(0);
    return first && { bib: this.#bibs[first.item]!, dueMs: first.key };
  }
}
