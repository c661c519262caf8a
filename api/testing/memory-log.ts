/**
 * A log in memory for the tests of the API: topics with partitions, and readers as the live part uses them.
 * Appending wakes the readers that wait.
 */
import { EventEmitter, once } from "node:events";
import { UnknownTopicError } from "../../runtime/kafka/errors.ts";
import type { PartitionReader, PolledPartition, Position, RecordCursor } from "../../runtime/kafka/log.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { Alert, CorrectionOutcome, Entrant, Race, ReadingWindow, Standing } from "../../schemas/index.ts";

export class MemoryLog {
  readonly #topics = new Map<string, (Buffer | null)[][]>();
  readonly #appended = new EventEmitter().setMaxListeners(0);
  /** Thrown by the next poll of any reader. */
  failure: Error | undefined;

  createTopics(partitions = 2): this {
    for (const topic of [
      "races",
      "entrants",
      "standings",
      "alerts",
      "reading-windows",
      "correction-outcomes",
    ]) {
      this.#topics.set(
        topic,
        Array.from({ length: partitions }, () => []),
      );
    }
    return this;
  }

  append(topic: string, partition: number, ...values: (Buffer | null)[]): void {
    const records = this.#topics.get(topic)![partition]!;
    for (const value of values) records.push(value);
    this.#appended.emit("appended");
  }

  race(...races: Race[]): void {
    this.append("races", 0, ...races.map((race) => Race.encode(race)));
  }

  entrants(...entrants: Entrant[]): void {
    this.append("entrants", 0, ...entrants.map((entrant) => Entrant.encode(entrant)));
  }

  standings(...standings: Standing[]): void {
    this.append("standings", 0, ...standings.map((standing) => Standing.encode(standing)));
  }

  /** Each in a partition of its participant's. */
  alerts(...alerts: Alert[]): void {
    for (const alert of alerts) {
      const partition = partitionOf(alert.participant, this.#topics.get("alerts")!.length);
      this.append("alerts", partition, Alert.encode(alert));
    }
  }

  outcomes(...outcomes: CorrectionOutcome[]): void {
    const values = outcomes.map((outcome) => CorrectionOutcome.encode(outcome));
    this.append("correction-outcomes", 0, ...values);
  }

  /** Each in a partition of its participant's. */
  windows(...windows: ReadingWindow[]): void {
    for (const window of windows) {
      const partition = partitionOf(window.participant, this.#topics.get("reading-windows")!.length);
      this.append("reading-windows", partition, ReadingWindow.encode(window));
    }
  }

  readonly openReader = (): PartitionReader => {
    const positions = new Map<string, Position>();
    return {
      assign: (assigned) => {
        for (const position of assigned) positions.set(`${position.topic}/${position.partition}`, position);
      },
      pause: () => undefined,
      resume: () => undefined,
      poll: async (waitMs) => {
        const polled = this.#read(positions);
        if (polled.length > 0) return polled;
        await once(this.#appended, "appended", { signal: AbortSignal.timeout(Math.min(waitMs, 50)) }).catch(
          () => undefined,
        );
        return this.#read(positions);
      },
      offsets: async (partitions) =>
        partitions.map(({ topic, partition }) => ({
          first: 0,
          end: this.#topics.get(topic)![partition]!.length,
        })),
      partitionCount: async (topic) => {
        const partitions = this.#topics.get(topic);
        if (!partitions) throw new UnknownTopicError(topic);
        return partitions.length;
      },
      close: async () => undefined,
    };
  };

  #read(positions: Map<string, Position>): PolledPartition[] {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    const polled: PolledPartition[] = [];
    for (const [key, { topic, partition, offset }] of positions) {
      const records = this.#topics.get(topic)![partition]!;
      const endOffset = records.length;
      if (offset >= endOffset) continue;
      polled.push({
        topic,
        partition,
        records: new Cursor(records.slice(offset), offset),
        nextOffset: endOffset,
        endOffset,
        writtenTo: endOffset,
      });
      positions.set(key, { topic, partition, offset: endOffset });
    }
    return polled;
  }
}

class Cursor implements RecordCursor {
  readonly #values: readonly (Buffer | null)[];
  readonly #first: number;
  #index = -1;

  constructor(values: readonly (Buffer | null)[], first: number) {
    this.#values = values;
    this.#first = first;
  }

  next(): boolean {
    return ++this.#index < this.#values.length;
  }

  get offset(): number {
    return this.#first + this.#index;
  }

  readonly timestampMs = 0;
  readonly keyStart = -1;
  readonly keyEnd = -1;

  get buffer(): Buffer {
    return this.#values[this.#index] ?? Buffer.alloc(0);
  }

  get valueStart(): number {
    return this.#values[this.#index] === null ? -1 : 0;
  }

  get valueEnd(): number {
    return this.buffer.length;
  }
}
