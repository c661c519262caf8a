/**
 * Everything that is said between the main thread and a worker, over the one `MessagePort` of a task. Both ends switch over
 * `kind` exhaustively.
 */
import type { KafkaConnection } from "../config.ts";
import type { Placement } from "../graph/placement.ts";
import type { Position } from "../kafka/log.ts";
import type { Isolated } from "./isolation.ts";
import type { JobCode } from "./job-code.ts";
import type { TaskCounters, TaskSpec } from "./task.ts";

/** What `pool.run` hands to a worker: it runs one task until told to stop, and resolves with nothing. */
export interface TaskStart {
  /** The project's folder on this node. */
  readonly root: string;
  readonly code: JobCode;
  readonly placement: Placement;
  readonly stage: string;
  readonly spec: TaskSpec;
  readonly upstreamParallelism: number;
  readonly kafka: KafkaConnection;
  readonly epochs: EpochSettings;
  /** What took the task down before and is not to be tried again. */
  readonly isolated: readonly Isolated[];
  /** At first, the most records that an epoch may hold, each committed before the next begins; absent: no such limit. */
  readonly epochRecordsMax?: number | undefined;
  /** Where it says what it is at (`Pulse`). */
  readonly pulse: SharedArrayBuffer;
  readonly port: TaskPort<FromTask, ToTask>;
}

/** One end of a conversation; a `MessagePort`, of which no more is used than this. What was said before is heard on `on`. */
export interface TaskPort<Said, Heard> {
  postMessage(message: Said, transfer?: ArrayBuffer[]): void;
  on(event: "message", hear: (message: Heard) => void): unknown;
  close(): void;
}

export interface EpochSettings {
  /**
   * An epoch ends this long after it began when the task is behind, and later, up to four times that, while it stays so; when
   * it is not behind, as soon as the last has committed.
   */
  readonly intervalMs: number;
  /** An epoch ends when it holds this much; reading waits while two are that large. */
  readonly bytesMax: number;
}

/** From the task. */
export type FromTask =
  /** The changelog is read; records flow from here on. */
  | { readonly kind: "running"; readonly restoredRecords: number }
  /** Results that do not wait for their epoch: to be in the log before the next epoch is. The frames are transferred. */
  | { readonly kind: "early"; readonly frames: Uint8Array<ArrayBuffer> }
  /** To be committed as one transaction; the frames are transferred. The next follows only after `committed`. */
  | {
      readonly kind: "epoch";
      readonly number: number;
      readonly frames: Uint8Array<ArrayBuffer>;
      readonly positions: readonly Position[];
      readonly caughtUp: boolean;
      readonly status: TaskStatus;
    }
  /** Nothing to commit, for the metrics. */
  | { readonly kind: "status"; readonly status: TaskStatus };

export interface TaskStatus {
  readonly counters: TaskCounters;
  readonly lag: number;
  readonly watermarkDelayMs: number | undefined;
}

/** To the task. */
export type ToTask =
  | { readonly kind: "committed"; readonly number: number }
  /** Finish the epoch under way, then end. After it nothing more is sent but an epoch and its answer. */
  | { readonly kind: "stop" }
  /** End at once: what is not committed is given up. */
  | { readonly kind: "abandon" };
