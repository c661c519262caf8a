/**
 * How the records of one topic get into one ClickHouse table exactly once: the decisions, without a clock or a socket.
 * `pipeline.ts` executes them; `announcements.ts` is the Kafka side, `inserter.ts` the ClickHouse side.
 *
 * The rows of one insert are the committed records of one offset range of each partition. Committed records do not change,
 * so a range stands for its rows, and reading it again gives them again. Before an insert its ranges are announced: written
 * to a compacted Kafka topic in a transaction of the sink's one `transactional.id`.
 *
 * X1  An insert is sent only for ranges whose announcement is committed.
 * X2  Ranges are announced only when everything announced before is known to be in ClickHouse: so of all announcements of a
 *     table only the latest can be missing there, and it alone is replayed after a crash.
 * X3  Ranges join: `first` of the next is `end` of the one before. No record is skipped or taken twice.
 * X4  An insert of ranges goes out under the same token until ClickHouse is known to have it; ClickHouse takes a token once.
 * X5  An insert begins at most `PROOF_MAX_MS` after the start of a commit that succeeded: whoever was fenced finds out
 *     before, not after. (What a fenced owner had already sent carries the token of X4 and is refused.)
 * X6  After an attempt whose end nobody saw, the rows are counted. ClickHouse remembers a token a moment before it keeps the
 *     rows; killed in between, it refuses the token for rows it does not have. Then, and only then, the ranges are announced
 *     again under the next generation of their token.
 * X7  Dead letters of a range are written in the transaction of its first announcement, so exactly once too; not again where
 *     ranges come a second time, because ClickHouse was put back to an older state (held.ts).
 *
 * What each crash leaves, and who repairs it:
 * - before the announcement's commit: nothing; the ranges are cut anew, perhaps elsewhere.
 * - after it, before the insert, or with the insert's answer lost: the announcement; the next owner reads the ranges
 *   again and inserts under the same token (X4), then counts (X6).
 * - after the answer, before the next announcement: the same; the token is refused, the count is right.
 * - the commit's own outcome unknown: `unsure`; the sink starts over from what Kafka holds.
 */
import { assert } from "../../errors.ts";
import type { CommitOutcome } from "../../kafka/log.ts";

/** Offsets `[first, end)` of one partition. Empty: nothing of it in this insert. */
export interface Range {
  readonly partition: number;
  readonly first: number;
  readonly end: number;
}

/** What the compacted topic holds of a table. `ranges` names every partition of its topic, in order. */
export interface Announcement {
  readonly ranges: readonly Range[];
  /** Counts up when a token was burnt (X6). */
  readonly generation: number;
  /** Known to be in ClickHouse: nothing to replay, even when Kafka no longer keeps these offsets. */
  readonly done: boolean;
  /** By partition: dead letters of records before it are written already (X7). Absent: of every range announced, and no more. */
  readonly lettersFrom?: readonly number[] | undefined;
}

export type Phase =
  /** Announced by somebody, perhaps in ClickHouse; the rows are not at hand. */
  | { readonly kind: "recovered" }
  /** Everything below each `end` is in ClickHouse; `settled`: and Kafka says so. */
  | { readonly kind: "clear"; readonly settled: boolean }
  /** Rows at hand, to be announced (or announced again, to prove that the id is still ours). */
  | {
      readonly kind: "announce";
      readonly rows: number;
      readonly deadLetters: boolean;
      readonly seen: boolean;
      readonly attempts: number;
      readonly notBeforeMs: number;
    }
  /** Everything is in ClickHouse; Kafka is to be told. */
  | { readonly kind: "settle"; readonly attempts: number; readonly notBeforeMs: number }
  /** Announced; to be inserted. */
  | {
      readonly kind: "insert";
      readonly rows: number;
      readonly seen: boolean;
      readonly attempts: number;
      readonly provenMs: number;
    }
  /** Inserted, but an earlier attempt may have ended anyhow: to be counted (X6). */
  | { readonly kind: "count"; readonly rows: number; readonly attempts: number; readonly notBeforeMs: number }
  | { readonly kind: "over"; readonly end: End };

/** Why a pipeline ends. `fenced`: another owner works now. `unsure`: start over from what Kafka holds. `broken`: a person must look. */
export interface End {
  readonly why: "fenced" | "unsure" | "broken";
  readonly reason: string;
}

export interface TableState {
  readonly ranges: readonly Range[];
  readonly generation: number;
  readonly phase: Phase;
  /** As in the announcements. */
  readonly lettersFrom?: readonly number[] | undefined;
}

export type Action =
  | { readonly kind: "reread"; readonly ranges: readonly Range[] }
  | { readonly kind: "take" }
  | { readonly kind: "announce"; readonly announcement: Announcement; readonly deadLetters: boolean }
  | { readonly kind: "insert"; readonly ranges: readonly Range[]; readonly generation: number }
  | { readonly kind: "count"; readonly ranges: readonly Range[] }
  | { readonly kind: "pause"; readonly untilMs: number }
  | { readonly kind: "end"; readonly end: End };

export type Happening =
  /** `reread` is done: so many good rows. */
  | { readonly kind: "reread"; readonly rows: number }
  /** `take` brought a batch; or, after a while, none. */
  | { readonly kind: "taken"; readonly ranges: readonly Range[]; readonly rows: number }
  | { readonly kind: "idle" }
  /** Instead of the insert: ClickHouse was away, and answers with less than it seems to have had. */
  | { readonly kind: "back" }
  | {
      readonly kind: "announced";
      readonly outcome: CommitOutcome;
      readonly startedMs: number;
      readonly nowMs: number;
    }
  | { readonly kind: "inserted" }
  | { readonly kind: "counted"; readonly rows: number }
  /** `insert` or `count` got no answer, or a bad one. */
  | { readonly kind: "failed"; readonly nowMs: number };

export const PROOF_MAX_MS = 5_000;
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 10_000;

/** The pause after the nth failure in a row, n from 1: 0.2 s, doubling, up to 10 s. */
export function pauseMs(attempts: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (attempts - 1));
}

/**
 * Where a table stands after a start: `latest` is its last announcement, `firstOffsets` the first offset Kafka keeps of
 * each partition (where partitions that no announcement knows begin).
 */
export function recover(latest: Announcement | undefined, firstOffsets: readonly number[]): TableState {
  const known = new Map(latest?.ranges.map((range) => [range.partition, range]));
  const ranges = firstOffsets.map(
    (offset, partition) => known.get(partition) ?? { partition, first: offset, end: offset },
  );
  const pending = latest !== undefined && !latest.done && latest.ranges.some(hasRecords);
  return {
    ranges,
    generation: latest?.generation ?? 0,
    lettersFrom: latest?.lettersFrom,
    phase: pending ? { kind: "recovered" } : { kind: "clear", settled: true },
  };
}

/** What to do now. */
export function decide(state: TableState, nowMs: number): Action {
  const { phase, ranges, generation } = state;
  const announcement = (done: boolean): Announcement => ({
    ranges,
    generation,
    done,
    lettersFrom: stillAhead(state),
  });
  switch (phase.kind) {
    case "recovered":
      return { kind: "reread", ranges: ranges.filter(hasRecords) };
    case "clear":
      return { kind: "take" };
    case "announce":
      if (nowMs < phase.notBeforeMs) return { kind: "pause", untilMs: phase.notBeforeMs };
      return { kind: "announce", announcement: announcement(false), deadLetters: phase.deadLetters };
    case "settle":
      if (nowMs < phase.notBeforeMs) return { kind: "pause", untilMs: phase.notBeforeMs };
      return { kind: "announce", announcement: announcement(true), deadLetters: false };
    case "insert":
      // X5: a proof that grew old is made anew.
      if (nowMs - phase.provenMs > PROOF_MAX_MS) {
        return { kind: "announce", announcement: announcement(false), deadLetters: false };
      }
      return { kind: "insert", ranges: ranges.filter(hasRecords), generation };
    case "count":
      if (nowMs < phase.notBeforeMs) return { kind: "pause", untilMs: phase.notBeforeMs };
      return { kind: "count", ranges: ranges.filter(hasRecords) };
    case "over":
      return { kind: "end", end: phase.end };
  }
}

/** What the outcome of an action makes of the state. */
export function follow(state: TableState, happening: Happening): TableState {
  const { phase } = state;
  switch (happening.kind) {
    case "reread":
      assert(phase.kind === "recovered", "reread rows belong to recovered ranges");
      // Announced again before the insert: it costs one transaction and proves that the id is ours (X5).
      return { ...state, phase: announce(happening.rows, { deadLetters: false, seen: true }) };
    case "taken":
      assert(phase.kind === "clear", "a batch is taken when all before it is in ClickHouse (X2)");
      // Ranges that come again may meet a token that is remembered from the first time: their rows are counted (X6).
      return {
        ...state,
        ranges: joined(state.ranges, happening.ranges),
        generation: 0,
        phase: announce(happening.rows, { deadLetters: true, seen: stillAhead(state) !== undefined }),
      };
    case "idle":
      assert(phase.kind === "clear", "only a pipeline with nothing to do is idle");
      return phase.settled ? state : { ...state, phase: { kind: "settle", attempts: 0, notBeforeMs: 0 } };
    case "back":
      assert(phase.kind === "insert", "it is asked before an insert");
      return {
        ...state,
        phase: { kind: "over", end: { why: "unsure", reason: "ClickHouse came back with fewer rows" } },
      };
    case "announced":
      return afterAnnouncement(state, happening);
    case "inserted":
      assert(phase.kind === "insert", "inserted what was to be inserted");
      return phase.seen
        ? { ...state, phase: { kind: "count", rows: phase.rows, attempts: 0, notBeforeMs: 0 } }
        : { ...state, phase: { kind: "clear", settled: false } };
    case "counted":
      assert(phase.kind === "count", "counted what was to be counted");
      return afterCount(state, phase.rows, happening.rows);
    case "failed": {
      if (phase.kind === "count") {
        const attempts = phase.attempts + 1;
        return { ...state, phase: { ...phase, attempts, notBeforeMs: happening.nowMs + pauseMs(attempts) } };
      }
      assert(phase.kind === "insert", "an insert or a count failed");
      const attempts = phase.attempts + 1;
      const notBeforeMs = happening.nowMs + pauseMs(attempts);
      return {
        ...state,
        phase: { kind: "announce", rows: phase.rows, deadLetters: false, seen: true, attempts, notBeforeMs },
      };
    }
  }
}

/** `lettersFrom` while a range can still come that lies before it. */
function stillAhead({ ranges, lettersFrom }: TableState): readonly number[] | undefined {
  return lettersFrom && ranges.some(({ partition, end }) => end < (lettersFrom[partition] ?? 0))
    ? lettersFrom
    : undefined;
}

/** The token of an insert: what it inserts, in words. */
export function tokenOf(table: string, topic: string, ranges: readonly Range[], generation: number): string {
  const list = ranges.map((range) => `${range.partition}:${range.first}-${range.end - 1}`).join(",");
  return `${table}/${topic}/${list}${generation === 0 ? "" : `/${generation}`}`;
}

export function hasRecords(range: Range): boolean {
  return range.end > range.first;
}

function announce(rows: number, how: { deadLetters: boolean; seen: boolean }): Phase {
  return { kind: "announce", rows, ...how, attempts: 0, notBeforeMs: 0 };
}

function afterAnnouncement(
  state: TableState,
  { outcome, startedMs, nowMs }: Extract<Happening, { kind: "announced" }>,
): TableState {
  const { phase } = state;
  assert(
    phase.kind === "announce" || phase.kind === "insert" || phase.kind === "settle",
    "announced what was to be announced",
  );
  switch (outcome.kind) {
    case "committed": {
      if (phase.kind === "settle") return { ...state, phase: { kind: "clear", settled: true } };
      const { rows, seen, attempts } = phase;
      // Ranges without a good record need no insert.
      if (rows === 0) return { ...state, phase: { kind: "clear", settled: false } };
      return { ...state, phase: { kind: "insert", rows, seen, attempts, provenMs: startedMs } };
    }
    case "aborted": {
      const attempts = phase.attempts + 1;
      const notBeforeMs = nowMs + pauseMs(attempts);
      if (phase.kind === "settle") return { ...state, phase: { kind: "settle", attempts, notBeforeMs } };
      const { rows, seen } = phase;
      const deadLetters = phase.kind === "announce" && phase.deadLetters;
      return { ...state, phase: { kind: "announce", rows, deadLetters, seen, attempts, notBeforeMs } };
    }
    case "lost":
      return { ...state, phase: { kind: "over", end: { why: "unsure", reason: outcome.reason } } };
    case "fenced":
      return { ...state, phase: { kind: "over", end: { why: "fenced", reason: outcome.reason } } };
  }
}

function afterCount(state: TableState, expected: number, counted: number): TableState {
  if (counted === expected) return { ...state, phase: { kind: "clear", settled: false } };
  if (counted === 0) {
    return {
      ...state,
      generation: state.generation + 1,
      phase: announce(expected, { deadLetters: false, seen: true }),
    };
  }
  const reason = `ClickHouse has ${counted} rows of a range that holds ${expected}`;
  return { ...state, phase: { kind: "over", end: { why: "broken", reason } } };
}

/** The ranges of a new batch over those before: X3, and partitions without records stand still. */
function joined(before: readonly Range[], taken: readonly Range[]): readonly Range[] {
  const news = new Map(taken.map((range) => [range.partition, range]));
  const next = before.map((range) => {
    const found = news.get(range.partition);
    assert(found === undefined || found.first === range.end, "ranges join (X3)");
    news.delete(range.partition);
    return found ?? { partition: range.partition, first: range.end, end: range.end };
  });
  assert(news.size === 0, "a batch of a partition the table does not read");
  return next;
}
