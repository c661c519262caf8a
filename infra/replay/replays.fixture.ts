/** For tests of replays into a real Kafka. */
import { inject } from "vitest";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";

/** Committed records of the topic, partition by partition. */
export async function readAll<T>(
  topic: string,
  decode: (bytes: Buffer, start: number, end: number) => T,
): Promise<T[][]> {
  const reader = createPartitionReader(inject("kafka"));
  const partitions = Array.from({ length: await reader.partitionCount(topic) }, (_, partition) => ({
    topic,
    partition,
  }));
  const ranges = await reader.offsets(partitions);
  const found: T[][] = partitions.map(() => []);
  const left = new Set(
    partitions.filter((_, i) => ranges[i]!.first < ranges[i]!.end).map(({ partition }) => partition),
  );
  reader.assign([...left].map((partition) => ({ topic, partition, offset: ranges[partition]!.first })));
  while (left.size > 0) {
    for (const { partition, records, nextOffset } of await reader.poll(100)) {
      while (records.next())
        found[partition]!.push(decode(records.buffer, records.valueStart, records.valueEnd));
      if (nextOffset >= ranges[partition]!.end) left.delete(partition);
    }
  }
  await reader.close();
  return found;
}

/** Numbers from [0, 1) that follow from a seed. */
export function mulberry32(state: number): () => number {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
