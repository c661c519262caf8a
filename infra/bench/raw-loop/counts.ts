/** What the raw loop counts, and what its workers are told. */
export interface Counts {
  readonly readings: number;
  readonly sumHr: number;
}

export interface LoopSettings {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Readings from this event time on are left out, Unix milliseconds. */
  readonly flushMs: number;
  readonly worker: number;
  readonly workers: number;
}

export const noCounts = (): Counts => ({ readings: 0, sumHr: 0 });

export const addCounts = (a: Counts, b: Counts): Counts => ({
  readings: a.readings + b.readings,
  sumHr: a.sumHr + b.sumHr,
});
