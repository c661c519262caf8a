/**
 * What a task reads beside its inputs: tables and broadcasts, each whole, by every task.
 *
 * A table is as it is now: no part of a checkpoint. A broadcast is part of every checkpoint: its content is state, and how far
 * it was read stands in the progress records.
 */
import type { Progress } from "../checkpoint/progress.ts";
import type { Broadcast } from "../dsl/process.ts";
import { assert } from "../errors.ts";
import type { StagePlan } from "../graph/plan.ts";
import { keyText } from "../kafka/key.ts";
import type { PolledPartition, Position, RecordCursor } from "../kafka/log.ts";
import type { RecordContext } from "../operators/record-context.ts";
import { refusePromise, settled } from "../settled.ts";
import { BroadcastState, broadcastStateName } from "../state/broadcast-state.ts";
import type { StateStore } from "../state/state-store.ts";
import { NO_WATERMARK } from "../time.ts";

export class SideInputs {
  readonly #plan: StagePlan;
  readonly #record: RecordContext;
  readonly #tables = new Map<string, Map<string, unknown>>();
  readonly #broadcasts = new Map<string, BroadcastState<unknown>>();
  /** Whether a broadcast was read further since the last epoch. */
  #moved = false;

  constructor(plan: StagePlan, record: RecordContext, state: StateStore, partitions: readonly number[]) {
    this.#plan = plan;
    this.#record = record;
    for (const table of plan.tables) this.#tables.set(table.name, new Map());
    for (const { topic, stored } of plan.broadcasts) {
      const broadcast = new BroadcastState(topic.name, stored, record, partitions);
      this.#broadcasts.set(topic.name, broadcast);
      state.adopt(broadcastStateName(topic.name), broadcast);
    }
  }

  /** Content of a table or broadcast, by topic. */
  content(topic: string): Broadcast<unknown> | ReadonlyMap<string, unknown> {
    return this.#tables.get(topic) ?? this.#broadcasts.get(topic)!.facade;
  }

  /** Whether a broadcast was read further since the last `cut`. */
  get moved(): boolean {
    return this.#moved;
  }

  /** The offsets are in an epoch. */
  cut(): void {
    this.#moved = false;
  }

  /** Records of a table, from any of its partitions. @returns how many were bad, and left out. */
  processTable({ topic, records }: PolledPartition): number {
    const source = this.#plan.tables.find((candidate) => candidate.name === topic);
    const table = this.#tables.get(topic);
    assert(source && table, `records of "${topic}", which is no table of stage ${this.#plan.name}`);
    let bad = 0;
    while (records.next()) {
      if (records.keyStart < 0) continue;
      const key = records.buffer.toString("utf8", records.keyStart, records.keyEnd);
      if (records.valueStart < 0) {
        table.delete(key);
        continue;
      }
      try {
        table.set(key, source.codec.decode(records.buffer, records.valueStart, records.valueEnd));
      } catch {
        bad++;
      }
    }
    return bad;
  }

  /** Where broadcasts are to be read on from, -1: from the start. They are read to their end before the first record. */
  positions(): readonly Position[] {
    return [...this.#broadcasts].map(([topic, { next }]) => ({ topic, partition: 0, offset: next }));
  }

  restore({ broadcasts = {} }: Progress): void {
    for (const [topic, next] of Object.entries(broadcasts)) {
      const broadcast = this.#broadcasts.get(topic);
      if (broadcast) broadcast.next = Math.max(broadcast.next, next);
    }
  }

  /** The counterpart of `restore`. */
  save(): Pick<Progress, "broadcasts"> {
    if (this.#broadcasts.size === 0) return {};
    return {
      broadcasts: Object.fromEntries([...this.#broadcasts].map(([topic, { next }]) => [topic, next])),
    };
  }

  processBroadcast(polled: PolledPartition, onBad: (error: unknown, records: RecordCursor) => void): void {
    const { topic, partition, records } = polled;
    const broadcast = this.#broadcasts.get(topic);
    const source = this.#plan.broadcasts.find((candidate) => candidate.topic.name === topic);
    assert(broadcast && source, `records of "${topic}", which is no broadcast of stage ${this.#plan.name}`);
    const record = this.#record;
    record.topic = topic;
    record.partition = partition;
    record.step = "broadcast";
    while (records.next()) {
      const { buffer, keyStart, keyEnd, valueStart, valueEnd, offset } = records;
      record.offset = offset;
      record.ingestMs = records.timestampMs;
      try {
        if (valueStart >= 0) {
          const value = source.topic.codec.decode(buffer, valueStart, valueEnd);
          const activeFromMs = source.activeFrom ? source.activeFrom(value) : NO_WATERMARK;
          refusePromise("activeFrom", activeFromMs);
          if (typeof activeFromMs !== "number" || Number.isNaN(activeFromMs))
            throw new Error(`activeFrom gave ${String(activeFromMs)}, which is not a time`);
          broadcast.apply(settled("keyOf", source.keyOf(value)), value, activeFromMs, offset);
        } else if (keyStart >= 0) {
          broadcast.apply(keyText(buffer, keyStart, keyEnd), undefined, NO_WATERMARK, offset);
        }
      } catch (error) {
        onBad(error, records);
      }
    }
    if (polled.nextOffset <= broadcast.next) return;
    broadcast.next = polled.nextOffset;
    this.#moved = true;
  }
}
