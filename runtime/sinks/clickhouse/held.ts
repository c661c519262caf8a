/**
 * What a table really has of its topic, and where the sink has to go on when that is less than was announced: ClickHouse was
 * put back to an older state (a backup, an empty disk) while Kafka went on.
 *
 * H1  Inserts of a table follow each other, so what an older state lacks is an end of what was inserted: below a partition's
 *     last row nothing is missing. (A table that was put back AND written to since is for `reconcile` to find.)
 * H2  Offsets without a row at the end are usual: control records, records set apart. Only a good record counts as missing.
 */
import type { PartitionReader } from "../../kafka/log.ts";
import type { RecordSorter } from "./batch.ts";
import { type Announcement, hasRecords, type Range } from "./protocol.ts";

const POLL_MS = 500;

/**
 * Ranges that were known to be in ClickHouse and of which no row shows that they are. Usually none, or nothing but control
 * records and records set apart (H2).
 * @param ends by partition, the offset after its last row; absent: it has none
 * @param first by partition, the first offset that Kafka keeps
 */
export function unproven(
  latest: Pick<Announcement, "ranges" | "done">,
  ends: ReadonlyMap<number, number>,
  first: readonly number[],
): Range[] {
  return latest.ranges
    .map((range) => ({
      partition: range.partition,
      first: Math.max(ends.get(range.partition) ?? 0, first[range.partition] ?? 0),
      end: latest.done ? range.end : range.first,
    }))
    .filter(hasRecords);
}

/** Where the sink goes on after a loss (H1): with what Kafka keeps beyond the rows that are there. */
export function rewound(
  latest: Announcement,
  ends: ReadonlyMap<number, number>,
  first: readonly number[],
): Announcement {
  const reached = latest.ranges.map(({ partition, end }) =>
    Math.max(end, latest.lettersFrom?.[partition] ?? 0),
  );
  return {
    ranges: latest.ranges.map(({ partition, end }) => {
      const held = Math.min(end, Math.max(ends.get(partition) ?? 0, first[partition] ?? 0));
      return { partition, first: held, end: held };
    }),
    generation: 0,
    done: true,
    lettersFrom: reached,
  };
}

/** Whether committed records of a range are good ones: values of the table's schema. */
export async function holdsGoodRecord(
  reader: PartitionReader,
  topic: string,
  sorter: RecordSorter,
  { partition, first, end }: Range,
  signal: AbortSignal,
): Promise<boolean> {
  reader.assign([{ topic, partition, offset: first }]);
  try {
    for (let next = first; next < end && !signal.aborted; ) {
      for (const polled of await reader.poll(POLL_MS)) {
        if (polled.partition !== partition) continue;
        while (polled.records.next() && polled.records.offset < end) {
          if (sorter.isGood(polled.records)) return true;
        }
        next = polled.nextOffset;
      }
    }
    return false;
  } finally {
    reader.pause([{ topic, partition }]);
  }
}
