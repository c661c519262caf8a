/**
 * How far the topics behind a stream are applied, as text: `partition:offset` of each partition, by partition, joined with commas.
 * It is the id of an SSE event and safe in a header and a query. Offsets are the next to read, as Kafka counts them.
 *
 * V1  Every offset named was read committed: nothing that an id stands for can be taken back.
 */

/** Next offset by partition. */
export type PositionVector = readonly number[];

const TEXT = /^\d{1,6}:\d{1,16}(,\d{1,6}:\d{1,16})*$/;
const TEXT_MAX = 4096;

export function positionText(vector: PositionVector): string {
  return vector.map((offset, partition) => `${partition}:${offset}`).join(",");
}

/** The vector of `text`, or undefined when it is not one: partitions must be 0..n-1 in order. */
export function positionOf(text: string): PositionVector | undefined {
  if (text.length > TEXT_MAX || !TEXT.test(text)) return undefined;
  const vector: number[] = [];
  for (const part of text.split(",")) {
    const [partition, offset] = part.split(":").map(Number) as [number, number];
    if (partition !== vector.length || !Number.isSafeInteger(offset)) return undefined;
    vector.push(offset);
  }
  return vector;
}

/** Whether `a` has seen something that `b` has not. Vectors of different lengths are of different topics: true. */
export function isAhead(a: PositionVector, b: PositionVector): boolean {
  return a.length !== b.length || a.some((offset, partition) => offset > (b[partition] ?? 0));
}
