/**
 * Whether a part of the sink gets on: work that does not come to an end for `STUCK_AFTER_MS` is a problem (P1 of health.ts),
 * with the reason heard last. Times are given, no clock is asked.
 */
import { type Problem, STUCK_AFTER_MS } from "../../health.ts";

/** For alert rules. `clickhouse-away`: no answer; `clickhouse-refuses`: it answers that it does not take rows. */
export type StuckCode = "clickhouse-away" | "clickhouse-refuses" | "no-progress";

export interface Stuck {
  readonly code: StuckCode;
  readonly reason: string;
  readonly sinceMs: number;
}

export class Progress {
  readonly #stuckAfterMs: number;
  #sinceMs: number | undefined;
  #code: StuckCode = "no-progress";
  #reason = "";

  constructor(stuckAfterMs: number = STUCK_AFTER_MS) {
    this.#stuckAfterMs = stuckAfterMs;
  }

  /** Work is at hand, since now at the latest. */
  begin(nowMs: number): void {
    this.#sinceMs ??= nowMs;
  }

  /** What keeps it from ending. */
  hinder(code: StuckCode, reason: string): void {
    this.#code = code;
    this.#reason = reason;
  }

  /** It came to its end: whatever hindered it is over. */
  end(): void {
    this.#sinceMs = undefined;
    this.#code = "no-progress";
    this.#reason = "";
  }

  stuck(nowMs: number): Stuck | undefined {
    if (this.#sinceMs === undefined || nowMs - this.#sinceMs < this.#stuckAfterMs) return undefined;
    return { code: this.#code, reason: this.#reason, sinceMs: this.#sinceMs };
  }
}

const WORDS: Readonly<Record<StuckCode, string>> = {
  "clickhouse-away":
    "ClickHouse does not answer. It is asked until it does, and every record follows then; is it running?",
  "clickhouse-refuses":
    "ClickHouse does not take rows. It is asked until it does, and every record follows then; see to what it says",
  "no-progress": "records wait and none gets into ClickHouse",
};

/** One problem for each code, however many tables have it. @param stuck by name of the table */
export function problemsOf(part: string, stuck: ReadonlyMap<string, Stuck>): Problem[] {
  const problems: Problem[] = [];
  for (const code of Object.keys(WORDS) as StuckCode[]) {
    const tables = [...stuck].filter(([, one]) => one.code === code);
    if (tables.length === 0) continue;
    const reasons = new Set(tables.map(([, { reason }]) => reason).filter((reason) => reason !== ""));
    const message = `${tables.map(([name]) => name).join(", ")}: ${WORDS[code]}${[...reasons].map((reason) => `; ${reason}`).join("")}`;
    problems.push({ part, code, message, sinceMs: Math.min(...tables.map(([, { sinceMs }]) => sinceMs)) });
  }
  return problems;
}
