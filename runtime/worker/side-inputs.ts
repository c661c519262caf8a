/**
 * What a task reads beside its inputs: tables and broadcasts, each whole, by every task.
 *
 * A table is as it is now: no part of a checkpoint. A broadcast is part of every checkpoint: its content is state, and how far
 * it was read stands in the progress records.
 *
 * SI1  A bad row of a table is told of once: by one task of one stage, which keeps in its progress how far it has.
 */
import type { Progress } from "../checkpoint/progress.ts";
import type { Broadcast } from "../dsl/process.ts";
import { assert, PacestreamError } from "../errors.ts";
import type { StagePlan } from "../graph/plan.ts";
import { checkKey, keyText } from "../kafka/key.ts";
import type { PolledPartition, Position, RecordCursor } from "../kafka/log.ts";
import type { RecordContext } from "../operators/record-context.ts";
import { refusePromise, settled } from "../settled.ts";
import { BroadcastState, broadcastStateName } from "../state/broadcast-state.ts";
import type { StateStore } from "../state/state-store.ts";
import { NO_WATERMARK } from "../time.ts";
import { Table } from "./table.ts";

export class SideInputs {
  readonly #plan: StagePlan;
  readonly #record: RecordContext;
  readonly #tables = new Map<string, Table>();
  /** By topic/partition of a table: up to where bad rows are told of. */
  readonly #told = new Map<string, number>();
  readonly #tells: boolean;
  readonly #broadcasts = new Map<string, BroadcastState<unknown>>();
  /** Whether a broadcast was read further since the last epoch, or a bad row told of. */
  #moved = false;

  /** @param tells whether it is this task of its stage that tells of bad rows */
  constructor(
    plan: StagePlan,
    record: RecordContext,
    state: StateStore,
    partitions: readonly number[],
    tells: boolean,
  ) {
    this.#plan = plan;
    this.#tells = tells;
    this.#record = record;
    for (const { topic } of plan.tables) this.#tables.set(topic.name, new Table());
    for (const { topic, stored } of plan.broadcasts) {
      const broadcast = new BroadcastState(topic.name, stored, record, partitions);
      this.#broadcasts.set(topic.name, broadcast);
      state.adopt(broadcastStateName(topic.name), broadcast);
    }
  }

  /** Content of a table or broadcast, by topic. */
  content(topic: string): Broadcast<unknown> | ReadonlyMap<string, unknown> {
    return this.#tables.get(topic)?.content ?? this.#broadcasts.get(topic)!.facade;
  }

  /** Whether there is more to save since the last `cut`. */
  get moved(): boolean {
    return this.#moved;
  }

  /** The offsets are in an epoch. */
  cut(): void {
    this.#moved = false;
  }

  /** Records of a table, from any of its partitions. @param onBad told of those that are no rows (SI1) */
  processTable(polled: PolledPartition, onBad: (error: unknown, records: RecordCursor) => void): void {
    const { topic, partition, records } = polled;
    const source = this.#plan.tables.find((candidate) => candidate.topic.name === topic);
    const table = this.#tables.get(topic);
    assert(source && table, `records of "${topic}", which is no table of stage ${this.#plan.name}`);
    const record = this.#record;
    record.topic = topic;
    record.partition = partition;
    record.at = record.stepId("table");
    while (records.next()) {
      const { buffer, keyStart, keyEnd, valueStart, valueEnd } = records;
      record.offset = records.offset;
      record.ingestMs = records.timestampMs;
      try {
        if (keyStart < 0) throw new Error("the key is null, and so it is no row");
        const kafkaKey = keyText(buffer, keyStart, keyEnd);
        if (valueStart < 0) table.delete(kafkaKey);
        else {
          const value = source.topic.codec.decode(buffer, valueStart, valueEnd);
          const name = source.keyOf(value);
          checkKey("keyOf gave", name);
          table.put(kafkaKey, name, value);
        }
      } catch (error) {
        if (error instanceof PacestreamError) throw error;
        if (this.#tells && source.tells && this.#isNews(`${topic}/${partition}`, records.offset))
          onBad(error, records);
      }
    }
  }

  #isNews(partition: string, offset: number): boolean {
    if (offset < (this.#told.get(partition) ?? 0)) return false;
    this.#told.set(partition, offset + 1);
    this.#moved = true;
    return true;
  }

  /** Where broadcasts are to be read on from, -1: from the start. They are read to their end before the first record. */
  positions(): readonly Position[] {
    return [...this.#broadcasts].map(([topic, { next }]) => ({ topic, partition: 0, offset: next }));
  }

  restore({ broadcasts = {}, tables = {} }: Progress): void {
    for (const [partition, next] of Object.entries(tables))
      this.#told.set(partition, Math.max(next, this.#told.get(partition) ?? 0));
    for (const [topic, next] of Object.entries(broadcasts)) {
      const broadcast = this.#broadcasts.get(topic);
      if (broadcast) broadcast.next = Math.max(broadcast.next, next);
    }
  }

  /** The counterpart of `restore`. */
  save(): Pick<Progress, "broadcasts" | "tables"> {
    const broadcasts = [...this.#broadcasts].map(([topic, { next }]) => [topic, next]);
    return {
      ...(broadcasts.length > 0 && { broadcasts: Object.fromEntries(broadcasts) }),
      ...(this.#told.size > 0 && { tables: Object.fromEntries(this.#told) }),
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
    record.at = record.stepId("broadcast");
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
