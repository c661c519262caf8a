/** Where the streams of a job come from: topics to read, and topics that its steps look into. */
import { listOf } from "../../schemas/codec.ts";
import type { FlowGraph } from "./graph.ts";
import { plain } from "./options.ts";
import type { BroadcastReference, TableReference } from "./process.ts";
import type { Row } from "./steps/join.ts";
import { Stream, type VersionedTable } from "./stream.ts";
import type { Topic } from "./topic.ts";
import { boundedDisorder } from "./watermark.ts";

export class Flow {
  readonly #graph: FlowGraph;

  constructor(graph: FlowGraph) {
    this.#graph = graph;
  }

  from<T>(topic: Topic<T>): Stream<T> {
    return new Stream<T>(this.#graph, {
      kind: "source",
      topic: topic as Topic<unknown>,
      rows: false,
      inputs: [],
    });
  }

  /**
   * A compacted topic by its records' keys: each record says what the row of its key is from now on; `value` undefined, of a null
   * value: it is deleted. Through `from` a null value is a dead letter.
   */
  rows<V>(topic: Topic<V>): Stream<Row<V>> {
    return new Stream<Row<V>>(this.#graph, {
      kind: "source",
      topic: topic as Topic<unknown>,
      rows: true,
      inputs: [],
    });
  }

  /**
   * A compacted topic by its records' keys, for `.join`: each record is a version of its key's row, a null value deletes it.
   * It has to be partitioned by key, in as many partitions as what it is joined with.
   * @param timeOf event time from which a version holds. Default, and for deletions: Kafka's timestamp of the record.
   */
  versions<V>(topic: Topic<V>, options: { timeOf?: (value: V) => number } = {}): VersionedTable<V> {
    const { timeOf } = options;
    if (timeOf) plain(`versions of "${topic.name}": timeOf`, timeOf);
    const rows = this.rows(topic)
      .watermark(
        boundedDisorder({
          timeOf: ({ value, ingestMs }) => (value !== undefined && timeOf ? timeOf(value) : ingestMs),
          disorderMax: 0,
          // Read to its end, it holds nothing back (J1 of steps/join.ts).
          idleAfter: 0,
        }),
      )
      .keyBy(({ key }) => key);
    return { rows, codec: topic.codec };
  }

  /**
   * A compacted topic that every task reads whole before it starts and keeps current after: for small things that all keys
   * need. Not part of a checkpoint: after a restart it is as it is then, not as it was.
   *
   * A row is found by what `keyOf` gives; a record replaces what its Kafka key said before, and a null value takes that away. What
   * cannot be read, or has no Kafka key, is a dead letter, once.
   */
  table<V>(topic: Topic<V>, options: { keyOf: (value: V) => string }): TableReference<V> {
    this.#graph.tables.set(topic.name, {
      topic: topic as Topic<unknown>,
      keyOf: options.keyOf as (value: unknown) => string,
    });
    return { tableTopic: topic.name };
  }

  /**
   * A topic that every task reads whole, such as rules that change while the job runs. Unlike a table it is part of every
   * checkpoint: after a crash, records meet the versions they met before. The topic has one partition, and keeps what is
   * written to it (no compaction: a version that is yet to come must not replace the one in force).
   *
   * A null value deletes what has the record's key, at once; so the records' keys have to be what `keyOf` gives.
   * @param options.activeFrom event time from which a version is in force; given early enough, all tasks change over at the same
   *   record time. Default: at once, wherever each task is then; what is decided by it commits with it.
   */
  broadcast<V>(
    topic: Topic<V>,
    options: { keyOf: (value: V) => string; activeFrom?: (value: V) => number },
  ): BroadcastReference<V> {
    this.#graph.broadcasts.set(topic.name, {
      topic: topic as Topic<unknown>,
      stored: listOf(topic.codec),
      keyOf: options.keyOf as (value: unknown) => string,
      activeFrom: options.activeFrom as ((value: unknown) => number) | undefined,
    });
    return { broadcastTopic: topic.name };
  }
}
