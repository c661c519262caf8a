/**
 * What the sink's compacted topic holds of a table: the ranges announced last, and what is known of their rows. Why: protocol.ts.
 *
 * N1  As text it is JSON, so that an operator can read it with any Kafka tool:
 *     `{"v":1,"done":false,"generation":0,"ranges":[[partition,first,end],...],"rows":[count,[partition,end],...],...}`.
 * N2  What older versions wrote is read; what they did not say is absent.
 */
import { PacestreamError } from "../../errors.ts";
import { fromRuns, type Offsets, toRuns } from "./apart.ts";

/** Offsets `[first, end)` of one partition. Empty: nothing of it in this insert. */
export interface Range {
  readonly partition: number;
  readonly first: number;
  readonly end: number;
}

/** What an insert of ranges holds. */
export interface RowsAtHand {
  readonly count: number;
  /** By partition, the offset after its last row; a partition without rows is not named. */
  readonly ends: ReadonlyMap<number, number>;
}

/** `ranges` names every partition of the table's topic, in order. */
export interface Announcement {
  readonly ranges: readonly Range[];
  /** Counts up when a token was burnt (X6), and when rows were set apart (X8). */
  readonly generation: number;
  /** Known to be in ClickHouse: nothing to replay, even when Kafka no longer keeps these offsets. */
  readonly done: boolean;
  /** By partition: dead letters of records before it are written already (X7). Absent: of every range announced, and no more. */
  readonly lettersFrom?: readonly number[] | undefined;
  /** The rows that the ranges stand for. */
  readonly rows?: RowsAtHand | undefined;
  /** By partition: the offset after the last row that was known to be in ClickHouse. */
  readonly rowsTo?: readonly number[] | undefined;
  /** Records of the ranges whose rows ClickHouse refused: set apart (X8). */
  readonly without?: Offsets | undefined;
}

export function hasRecords(range: Range): boolean {
  return range.end > range.first;
}

/** The token of an insert: what it inserts, in words. */
export function tokenOf(table: string, topic: string, ranges: readonly Range[], generation: number): string {
  const list = ranges.map((range) => `${range.partition}:${range.first}-${range.end - 1}`).join(",");
  return `${table}/${topic}/${list}${generation === 0 ? "" : `/${generation}`}`;
}

export function toText(announcement: Announcement): string {
  const { ranges, generation, done, lettersFrom, rows, rowsTo, without } = announcement;
  return JSON.stringify({
    v: 1,
    done,
    generation,
    ranges: ranges.map(({ partition, first, end }) => [partition, first, end]),
    lettersFrom,
    rows: rows && [rows.count, ...rows.ends],
    rowsTo,
    without: without && toRuns(without),
  });
}

/** @param where for the error: its topic and offset. */
export function fromText(text: string, where: string): Announcement {
  const value = parse(text);
  if (value?.v !== 1 || !Array.isArray(value.ranges) || !value.ranges.every(isRange)) {
    throw new PacestreamError(
      "SINK_STATE",
      `${where} is not an announcement this version can read: ${text.slice(0, 200)}`,
    );
  }
  const { rows, rowsTo, without, lettersFrom } = value;
  return {
    ranges: value.ranges.map(([partition, first, end]) => ({ partition, first, end })),
    generation: Number(value.generation ?? 0),
    done: value.done === true,
    ...(isNumbers(lettersFrom) && { lettersFrom }),
    ...(isRows(rows) && { rows: { count: rows[0], ends: new Map(rows.slice(1) as [number, number][]) } }),
    ...(isNumbers(rowsTo) && { rowsTo }),
    ...(Array.isArray(without) && without.every(isNumbers) && { without: fromRuns(without) }),
  };
}

type Stored = { readonly [name in "v" | keyof Announcement]?: unknown };

function parse(text: string): Stored | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((part) => Number.isSafeInteger(part) && part >= 0);
}

function isRange(value: unknown): value is [number, number, number] {
  return isNumbers(value) && value.length === 3;
}

function isRows(value: unknown): value is [number, ...[number, number][]] {
  return (
    Array.isArray(value) &&
    isNumbers(value.slice(0, 1)) &&
    value.length > 0 &&
    value.slice(1).every((pair) => isNumbers(pair) && pair.length === 2)
  );
}
