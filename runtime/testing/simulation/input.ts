/**
 * The input of a run: written over virtual time by producers outside of the job, some of them in transactions, some of those
 * aborted. What is aborted is rubbish that nobody must see.
 */
import { partitionOf } from "../../kafka/partitioner.ts";
import type { Random } from "../random.ts";
import type { Cluster } from "./cluster.ts";

export interface InputRecord {
  readonly topic: string;
  readonly key: string;
  /** Default: that of the key. More than there are begin at 0 again. */
  readonly partition?: number;
  readonly value: Buffer | null;
  /** When it is written: virtual milliseconds from the begin of the run. */
  readonly atMs: number;
  /** In no transaction, so that it is there at `atMs`: for what later records are to find. */
  readonly atOnce?: boolean;
}

const RUBBISH = Buffer.from("an aborted record");
const PRODUCERS = 3;
/** Between two things that happen one after the other. */
const AFTER_MS = 0.01;

/** Where a record goes. */
export function inputPartition(record: InputRecord, partitions: number): number {
  return record.partition === undefined ? partitionOf(record.key, partitions) : record.partition % partitions;
}

/** Has the input written, each partition's records in their order. Returns when the last transaction is over. */
export function feed(cluster: Cluster, input: readonly InputRecord[], random: Random): number {
  const { world } = cluster;
  let lastMs = 0;
  let overlapping = 100;
  const rubbish = () => [{ key: Buffer.from("rubbish"), value: RUBBISH, timestampMs: cluster.brokerNow() }];
  const byPartition = new Map<string, InputRecord[]>();
  for (const record of input) {
    const id = `${record.topic}/${inputPartition(record, cluster.partitionCount(record.topic))}`;
    const records = byPartition.get(id);
    if (records) records.push(record);
    else byPartition.set(id, [record]);
  }
  for (const [id, records] of byPartition) {
    const log = cluster.log(id);
    const isTable = cluster.topics.get(records[0]!.topic)!.compacted;
    records.sort((a, b) => a.atMs - b.atMs);
    let freeMs = 0;
    for (let at = 0; at < records.length; ) {
      const batch = records.slice(at, at + random.between(1, 12));
      at += batch.length;
      const beginMs = Math.max(freeMs, batch.at(-1)!.atMs);
      const bytes = batch.map(({ key, value }) => ({ key: Buffer.from(key), value, timestampMs: 0 }));
      const stamped = () => bytes.map((record) => ({ ...record, timestampMs: cluster.brokerNow() }));
      // Tables are small, and keys of rubbish would stay in them.
      if (isTable || batch.some(({ atOnce }) => atOnce) || random.chance(0.5)) {
        world.after(beginMs, () => log.append(stamped(), cluster.brokerNow()));
        freeMs = beginMs + AFTER_MS;
        continue;
      }
      const producerId = random.between(1, PRODUCERS);
      let nowMs = beginMs + AFTER_MS;
      if (random.chance(0.2))
        transaction(nowMs, nowMs + random.latencyMs(60), ++overlapping, "abort", rubbish);
      for (let aborts = random.chance(0.5) ? random.between(1, 3) : 0; aborts > 0; aborts--) {
        const endMs = nowMs + random.latencyMs(20);
        transaction(nowMs, endMs, producerId, "abort", rubbish);
        nowMs = endMs + AFTER_MS;
      }
      const endMs = nowMs + random.latencyMs(random.chance(0.1) ? 2_000 : 30);
      transaction(nowMs, endMs, producerId, "commit", stamped);
      freeMs = endMs + AFTER_MS;
    }
    lastMs = Math.max(lastMs, freeMs);

    function transaction(
      beginMs: number,
      endMs: number,
      producerId: number,
      marker: "abort" | "commit",
      of: () => Parameters<typeof log.appendOpen>[1],
    ): void {
      world.after(beginMs, () => log.appendOpen(producerId, of(), cluster.brokerNow()));
      world.after(endMs, () => log.mark(producerId, 0, marker, cluster.brokerNow()));
    }
  }
  return lastMs;
}
