/**
 * What a table really has of its topic, and where the sink has to go on when that is less than was known to be there:
 * ClickHouse was put back to an older state (a backup, an empty disk, a table that was dropped) while Kafka went on.
 *
 * H1  Inserts of a table follow each other, so what an older state lacks is an end of what was inserted: below a partition's
 *     last row nothing is missing. (A table that was put back AND written to since is for `reconcile` to find.)
 * H2  Offsets without a row at the end are usual: control records, records set apart. So an announcement says where the last
 *     row of each partition lies, and only a table that does not reach as far lacks something.
 */
import type { Announcement } from "./announcement.ts";

/** Partitions whose last rows were known to be in ClickHouse and are not, of what Kafka still keeps. */
export function lacking(
  rowsTo: readonly number[],
  ends: ReadonlyMap<number, number>,
  first: readonly number[],
): number[] {
  return rowsTo.flatMap((to, partition) =>
    to > Math.max(ends.get(partition) ?? 0, first[partition] ?? 0) ? [partition] : [],
  );
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
    rowsTo: latest.rowsTo?.map((to, partition) => Math.min(to, ends.get(partition) ?? 0)),
  };
}
