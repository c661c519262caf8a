/** What operators need of the task they run in. */
import type { Codec } from "../../schemas/codec.ts";
import type { FlowNode } from "../dsl/graph.ts";
import type { FrameWriter } from "../kafka/frames.ts";
import type { StateStore } from "../state/state-store.ts";
import type { UndoLog } from "../state/undo-log.ts";
import type { HandOver } from "./hand-over.ts";
import type { RecordContext } from "./record-context.ts";

export interface OperatorRuntime {
  /** In tests: freezes what changes hands. */
  readonly handOver: HandOver | undefined;
  readonly record: RecordContext;
  readonly frames: FrameWriter;
  /** Of results that leave before the epoch commits (`delivery: "at-least-once"`). */
  readonly early: FrameWriter;
  readonly undo: UndoLog;
  readonly state: StateStore;
  /** What a step, or a state of it, is called in the changelog. */
  storedName(step: string, state?: string): string;
  /** What steps see of a table or a broadcast, by topic. */
  table(topic: string): unknown;
  /** Index for frames of an output topic. */
  outputIndex(topic: string): number;
  partitionsOf(topic: string): number;
  /** Partitions of the stage's own inputs and changelog. */
  readonly inputPartitions: number;
  readonly job: string;
  /** An event time that a `.watermark` found in the current record's partition, and up to where it takes that to be complete by now. */
  observeEventTime(node: FlowNode, timeMs: number, watermark: number): void;
  /**
   * Runs what time sets off for a key (a timer, the end of a window) as a record of its own: if it throws, what it did is
   * taken back and a dead letter stands for it. What was noted for undoing before is settled.
   */
  attempt<A>(
    key: string,
    partition: number,
    timestamp: number | undefined,
    run: (argument: A) => void,
    argument: A,
    /** How the argument stands in a dead letter, where it is a record. */
    codec?: Codec<unknown>,
  ): void;
  /** A record that went to an exchange or a sink. */
  countOut(): void;
  /** A record that came too late and was left out. */
  countLate(): void;
}
