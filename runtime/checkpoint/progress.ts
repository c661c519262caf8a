/**
 * How far a task has come in one partition: the record under `PROGRESS_KEY` in the changelog, written in the transaction
 * that holds what came of the records before it. It alone says where a task goes on; the group's committed offsets are
 * for Kafka's lag tools.
 */
export interface InputProgress {
  readonly topic: string;
  /** The next offset to process. */
  readonly next: number;
  /** Watermark of each channel of this input partition, `null` before the first; empty for an input without time. */
  readonly watermarks: Readonly<Record<string, number | null>>;
  /** Channels that were idle; absent in records of older versions. */
  readonly idle?: readonly string[];
}

export interface Progress {
  /** Epochs of this task so far; for people who look. */
  readonly epoch: number;
  /**
   * Event time that the task had come to, `null` before any. Not lower than what its inputs say, and higher where an input was
   * left out as idle: what was done by it must not be done again. The highest of a task's partitions counts.
   */
  readonly watermark?: number | null;
  readonly inputs: readonly InputProgress[];
  /** The next offset of each broadcast; the same in every partition of a task. */
  readonly broadcasts?: Readonly<Record<string, number>>;
  /** By topic/partition of a table: up to where bad rows are told of; the same in every partition of a task. */
  readonly tables?: Readonly<Record<string, number>>;
}

export const encodeProgress = (progress: Progress): Buffer => Buffer.from(JSON.stringify(progress), "utf8");

/** @throws Error when the bytes are not a progress record. */
export function decodeProgress(bytes: Buffer): Progress {
  const progress = JSON.parse(bytes.toString("utf8")) as Progress;
  if (!Array.isArray(progress.inputs)) throw new Error("the changelog holds a progress record that is none");
  return progress;
}
