/** What an operator may look at besides its record: time, what it remembers, and what the job looks into. */
import type { Memory } from "./memory.ts";
import type { Emit, Rec } from "./record.ts";

export interface Scene {
  readonly memory: Memory;
  /** The node's clock. */
  readonly nowMs: number;
  /** Event time that the section has come to. */
  readonly watermark: number;
  /** The watermark up to which state of event time may have been let go of. */
  readonly letGoUpTo: number;
  /** Content of a table or a broadcast as it is for the record at hand. */
  look(topic: string, timestamp: number | undefined): unknown;
  /** What follows hangs on how soon something was let go of, which is not determined: such a run cannot be held against another. */
  undetermined(why: string): void;
  /** A record that came too late and was left out. */
  late(): void;
}

/** Runs what time sets off for a key as a record of its own: if it throws, it leaves a dead letter and nothing else. */
export type Attempt = (
  cause: Pick<Rec, "key" | "partition" | "timestamp">,
  run: (rec: Rec, emit: Emit) => void,
) => void;

/** An operator that remembers: keyed steps and windows. */
export interface Stateful {
  readonly name: string;
  take(rec: Rec, emit: Emit): void;
  /** It starts anew at this watermark: what was due by then has been. */
  resume(watermark: number): void;
  /** Event time has come to `watermark`. */
  advance(watermark: number, attempt: Attempt): void;
  /** The clock has come to `scene.nowMs`. */
  tick(attempt: Attempt): void;
}
