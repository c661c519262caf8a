/**
 * Offsets of a table's topic that have no row because ClickHouse refused it: what an announcement says its ranges are without.
 *
 * A1  Offsets of a partition stand in ascending order, each once.
 * A2  As text they are runs: how many offsets until the next run, and how long it is. A batch of 100 000 rows, every second one
 *     refused, takes 200 kB; all of them, ten bytes. Kafka's usual limit of a record is 1 MB.
 */
import { assert } from "../../errors.ts";

/** By partition (A1). */
export type Offsets = ReadonlyMap<number, readonly number[]>;

export const NO_OFFSETS: Offsets = new Map();

export function joinOffsets(some: Offsets, others: Offsets): Offsets {
  const joined = new Map(some);
  for (const [partition, offsets] of others) {
    const all = new Set([...(joined.get(partition) ?? []), ...offsets]);
    joined.set(
      partition,
      [...all].sort((a, b) => a - b),
    );
  }
  return joined;
}

export function countOf(offsets: Offsets): number {
  let count = 0;
  for (const list of offsets.values()) count += list.length;
  return count;
}

/** Asked once a record while ranges are read again. */
export function isAmong(offsets: Offsets): (partition: number, offset: number) => boolean {
  if (offsets.size === 0) return () => false;
  const sets = new Map([...offsets].map(([partition, list]) => [partition, new Set(list)]));
  return (partition, offset) => sets.get(partition)?.has(offset) ?? false;
}

/** `[partition, gap, length, gap, length, ...]` of each partition (A2). */
export type Runs = readonly number[];

export function toRuns(offsets: Offsets): Runs[] {
  return [...offsets].map(([partition, list]) => {
    const runs = [partition];
    let end = 0;
    for (const offset of list) {
      assert(offset >= end, "offsets ascend (A1)");
      if (offset === end && runs.length > 1) runs[runs.length - 1]!++;
      else runs.push(offset - end, 1);
      end = offset + 1;
    }
    return runs;
  });
}

export function fromRuns(all: readonly Runs[]): Offsets {
  return new Map(
    all.map(([partition, ...runs]) => {
      const list: number[] = [];
      let end = 0;
      for (let i = 0; i + 1 < runs.length; i += 2) {
        const first = end + runs[i]!;
        end = first + runs[i + 1]!;
        for (let offset = first; offset < end; offset++) list.push(offset);
      }
      return [partition!, list];
    }),
  );
}
