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
 * X4  An insert of ranges goes out under the same token until ClickHouse is known to have it, or to have refused it;
 *     ClickHouse takes a token once. Under one token goes one set of rows.
 * X5  An insert begins at most `PROOF_MAX_MS` after the start of a commit that succeeded: whoever was fenced finds out
 *     before, or so soon after that ClickHouse still remembers the token of X4 and refuses it: it remembers 10 000 inserts.
 * X6  After an attempt whose end nobody saw, the rows are counted before anything is sent again: nothing is sent twice that
 *     is there. ClickHouse remembers a token a moment before it keeps the rows; killed in between, it refuses the token for
 *     rows it does not have. So rows are counted after the second attempt, too. If none is there then, and only then, the
 *     ranges are announced again under the next generation of their token.
 *     Only who owns the id is to be surprised by a count: another owner may have set rows apart meanwhile (X8).
 * X7  Dead letters of a range are written in the transaction of the first announcement that is without their rows, so exactly
 *     once too; not again where ranges come a second time, because ClickHouse was put back to an older state (held.ts).
 * X8  ClickHouse takes an insert whole or not at all: one row that it refuses keeps out all. When it refused one and none of
 *     its rows is there (counted), the rows at fault are searched for without leaving a trace (trial.ts), and the ranges are
 *     announced again under the next generation, `without` them: from then on they stand for the other rows, also when they
 *     are read again. Nobody repeats the search once its outcome is committed; before, it may begin anew.
 *
 * What each crash leaves, and who repairs it:
 * - before the announcement's commit: nothing; the ranges are cut anew, perhaps elsewhere.
 * - after it, before the insert, or with the insert's answer lost: the announcement; the next owner counts the rows (X6), and
 *   if there is none reads the ranges again, inserts under the same token (X4), and counts again.
 * - after the answer, before the next announcement: the same; the count is right.
 * - after ClickHouse refused a row, in the search or before its outcome is committed: the announcement with that row; the next
 *   owner is refused as well, and searches. No dead letter is written yet.
 * - after that commit: dead letters and the announcement without their rows, both or none; the insert follows as any other.
 * - the commit's own outcome unknown: `unsure`; the sink starts over from what Kafka holds.
 */
import { assert } from "../../errors.ts";
import type { CommitOutcome } from "../../kafka/log.ts";
import { type Announcement, hasRecords, type Range, type RowsAtHand } from "./announcement.ts";
import { joinOffsets, NO_OFFSETS, type Offsets } from "./apart.ts";

/** How often it was tried in vain, and when it may be tried again. */
interface Tries {
  readonly attempts: number;
  readonly notBeforeMs: number;
}

/** Of which records an announcement brings dead letters: those that are no values of the schema, or those that ClickHouse refused. */
export type Letters = "none" | "malformed" | "refused";

/**
 * What is counted, and so what it means when no row is there. `recovery`: another owner announced it; read it again.
 * `failure`: an attempt whose end nobody saw; send it again. `insert`: such an attempt and then one that was taken: the token is
 * burnt (X6). `refusal`: search for who is at fault (X8).
 */
export type CountedAfter = "recovery" | "failure" | "insert" | "refusal";

export type Phase =
  /** Announced by somebody, not in ClickHouse; the rows are not at hand. */
  | { readonly kind: "recovered" }
  /** Everything below each `end` is in ClickHouse; `settled`: and Kafka says so. */
  | { readonly kind: "clear"; readonly settled: boolean }
  /**
   * To be announced (or announced again, to prove that the id is still ours). `seen`: an insert of the rows may have been.
   * `next`: they are at hand, to be sent; or their count was surprising, and is to be made again as `CountedAfter`.
   */
  | ({
      readonly kind: "announce";
      readonly rows: RowsAtHand;
      readonly letters: Letters;
      readonly seen: boolean;
      readonly next: "send" | CountedAfter;
    } & Tries)
  /** Everything is in ClickHouse; Kafka is to be told. */
  | ({ readonly kind: "settle" } & Tries)
  /** Announced; to be inserted. */
  | {
      readonly kind: "insert";
      readonly rows: RowsAtHand;
      readonly seen: boolean;
      readonly attempts: number;
      readonly provenMs: number;
    }
  /** `proven`: just now the id was ours. */
  | ({
      readonly kind: "count";
      readonly rows: RowsAtHand;
      readonly after: CountedAfter;
      readonly proven: boolean;
    } & Tries)
  /** ClickHouse refused the rows, and has none of them: who is at fault? */
  | ({ readonly kind: "examine"; readonly rows: RowsAtHand } & Tries)
  | { readonly kind: "over"; readonly end: End };

/**
 * Why a pipeline ends. `fenced`: another owner works now. `unsure`: the sink starts over from what Kafka holds. `behind`: the
 * table lacks rows that it had, and starts over. `broken`: a person must look.
 */
export interface End {
  readonly why: "fenced" | "unsure" | "behind" | "broken";
  readonly reason: string;
}

export interface TableState {
  readonly ranges: readonly Range[];
  readonly generation: number;
  readonly phase: Phase;
  /** As in the announcements. */
  readonly lettersFrom?: readonly number[] | undefined;
  readonly rowsTo: readonly number[];
  readonly without: Offsets;
}

export type Action =
  | { readonly kind: "reread"; readonly ranges: readonly Range[]; readonly without: Offsets }
  | { readonly kind: "take" }
  | { readonly kind: "announce"; readonly announcement: Announcement; readonly letters: Letters }
  | {
      readonly kind: "insert";
      readonly ranges: readonly Range[];
      readonly generation: number;
      readonly timeoutMs: number;
    }
  | { readonly kind: "count"; readonly ranges: readonly Range[] }
  | { readonly kind: "examine" }
  | { readonly kind: "pause"; readonly untilMs: number }
  | { readonly kind: "end"; readonly end: End };

export type Happening =
  /** `reread` is done. */
  | { readonly kind: "reread"; readonly rows: RowsAtHand }
  /** `take` brought a batch; or, after a while, none. */
  | { readonly kind: "taken"; readonly ranges: readonly Range[]; readonly rows: RowsAtHand }
  | { readonly kind: "idle" }
  /** Instead of the insert: ClickHouse was away, and answers with less than it had. */
  | { readonly kind: "back" }
  | {
      readonly kind: "announced";
      readonly outcome: CommitOutcome;
      readonly startedMs: number;
      readonly nowMs: number;
    }
  | { readonly kind: "inserted" }
  /** Instead of it: ClickHouse says that it does not take these rows, for what they are or for a reason we do not know. */
  | { readonly kind: "refused" }
  | { readonly kind: "counted"; readonly rows: number }
  /** Who is at fault, perhaps nobody, and the rows without them. */
  | { readonly kind: "examined"; readonly apart: Offsets; readonly rows: RowsAtHand; readonly nowMs: number }
  /** `insert`, `count` or `examine` got no answer, or a bad one. */
  | { readonly kind: "failed"; readonly nowMs: number };

/** Longer than a commit may take (announcements.ts), and far shorter than 10 000 inserts of a table take. */
export const PROOF_MAX_MS = 120_000;
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 10_000;
const TIMEOUT_FIRST_MS = 60_000;
const TIMEOUT_MAX_MS = 600_000;

/** The pause after the nth failure in a row, n from 1: 0.2 s, doubling, up to 10 s. */
export function pauseMs(attempts: number): number {
  return Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (attempts - 1));
}

/** How long an insert may take after so many attempts in vain: a minute, doubling, up to ten. A slow machine gets there. */
export function timeoutMs(attempts: number): number {
  return Math.min(TIMEOUT_MAX_MS, TIMEOUT_FIRST_MS * 2 ** attempts);
}

/**
 * Where a table stands after a start: `latest` is its last announcement, `firstOffsets` the first offset Kafka keeps of
 * each partition. Partitions that no announcement knows begin there, and so does one that Kafka deleted records of before they
 * were taken (K3).
 */
export function recover(latest: Announcement | undefined, firstOffsets: readonly number[]): TableState {
  const known = new Map(latest?.ranges.map((range) => [range.partition, range]));
  const pending = latest !== undefined && !latest.done && latest.ranges.some(hasRecords);
  const ranges = firstOffsets.map((first, partition) => {
    const range = known.get(partition) ?? { partition, first, end: first };
    return range.end >= first || (pending && hasRecords(range)) ? range : { partition, first, end: first };
  });
  return {
    ranges,
    generation: latest?.generation ?? 0,
    lettersFrom: latest?.lettersFrom,
    rowsTo: firstOffsets.map((_, partition) => latest?.rowsTo?.[partition] ?? 0),
    without: (pending && latest.without) || NO_OFFSETS,
    phase: !pending
      ? { kind: "clear", settled: true }
      : latest.rows === undefined
        ? { kind: "recovered" }
        : count(latest.rows, "recovery", UNTRIED),
  };
}

/** What to do now. */
export function decide(state: TableState, nowMs: number): Action {
  const { phase, ranges, generation, without, rowsTo } = state;
  const announcement = (rows: RowsAtHand | undefined): Announcement => ({
    ranges,
    generation,
    done: rows === undefined,
    lettersFrom: stillAhead(state),
    rows,
    rowsTo,
    without: rows === undefined || without.size === 0 ? undefined : without,
  });
  if ("notBeforeMs" in phase && nowMs < phase.notBeforeMs)
    return { kind: "pause", untilMs: phase.notBeforeMs };
  switch (phase.kind) {
    case "recovered":
      return { kind: "reread", ranges: ranges.filter(hasRecords), without };
    case "clear":
      return { kind: "take" };
    case "announce":
      return { kind: "announce", announcement: announcement(phase.rows), letters: phase.letters };
    case "settle":
      return { kind: "announce", announcement: announcement(undefined), letters: "none" };
    case "insert":
      // X5: a proof that grew old is made anew.
      if (nowMs - phase.provenMs > PROOF_MAX_MS) {
        return { kind: "announce", announcement: announcement(phase.rows), letters: "none" };
      }
      return {
        kind: "insert",
        ranges: ranges.filter(hasRecords),
        generation,
        timeoutMs: timeoutMs(phase.attempts),
      };
    case "count":
      return { kind: "count", ranges: ranges.filter(hasRecords) };
    case "examine":
      return { kind: "examine" };
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
      return { ...state, phase: announce(happening.rows, { letters: "none", seen: true }) };
    case "taken":
      assert(phase.kind === "clear", "a batch is taken when all before it is in ClickHouse (X2)");
      // Ranges that come again may meet a token that is remembered from the first time: their rows are counted (X6).
      return {
        ...state,
        ranges: joined(state.ranges, happening.ranges),
        generation: 0,
        without: NO_OFFSETS,
        phase: announce(happening.rows, { letters: "malformed", seen: stillAhead(state) !== undefined }),
      };
    case "idle":
      assert(phase.kind === "clear", "only a pipeline with nothing to do is idle");
      return phase.settled ? state : { ...state, phase: { kind: "settle", ...UNTRIED } };
    case "back":
      assert(phase.kind === "insert", "it is asked before an insert");
      return over(state, "behind", "ClickHouse came back with fewer rows");
    case "announced":
      return afterAnnouncement(state, happening);
    case "inserted":
      assert(phase.kind === "insert", "inserted what was to be inserted");
      return phase.seen
        ? { ...state, phase: count(phase.rows, "insert", UNTRIED) }
        : clear(state, phase.rows);
    case "refused":
      assert(phase.kind === "insert", "refused what was to be inserted");
      return { ...state, phase: count(phase.rows, "refusal", { ...UNTRIED, attempts: phase.attempts }) };
    case "counted":
      assert(phase.kind === "count", "counted what was to be counted");
      return afterCount(state, phase, happening.rows);
    case "examined": {
      assert(phase.kind === "examine", "examined what was refused");
      if (happening.apart.size === 0) return sendAgain(state, phase, happening.nowMs);
      return {
        ...state,
        generation: state.generation + 1,
        without: joinOffsets(state.without, happening.apart),
        phase: announce(happening.rows, { letters: "refused", seen: true }),
      };
    }
    case "failed":
      if (phase.kind === "count" || phase.kind === "examine")
        return { ...state, phase: { ...phase, ...again(phase, happening.nowMs) } };
      assert(phase.kind === "insert", "an insert, a count or a search failed");
      return { ...state, phase: count(phase.rows, "failure", again(phase, happening.nowMs)) };
  }
}

/** `lettersFrom` while a range can still come that lies before it. */
function stillAhead({ ranges, lettersFrom }: TableState): readonly number[] | undefined {
  return lettersFrom && ranges.some(({ partition, end }) => end < (lettersFrom[partition] ?? 0))
    ? lettersFrom
    : undefined;
}

const UNTRIED: Tries = { attempts: 0, notBeforeMs: 0 };

function again({ attempts }: { readonly attempts: number }, nowMs: number): Tries {
  return { attempts: attempts + 1, notBeforeMs: nowMs + pauseMs(attempts + 1) };
}

function announce(
  rows: RowsAtHand,
  how: { letters: Letters; seen: boolean },
): Extract<Phase, { kind: "announce" }> {
  return { kind: "announce", rows, ...how, next: "send", ...UNTRIED };
}

function count(rows: RowsAtHand, after: CountedAfter, tries: Tries): Phase {
  return { kind: "count", rows, after, proven: false, ...tries };
}

/** An attempt was in vain and left nothing: the next one, after a pause and a new proof, keeps count of the attempts. */
function sendAgain(
  state: TableState,
  { rows, attempts }: { readonly rows: RowsAtHand; readonly attempts: number },
  nowMs: number,
): TableState {
  const tries = again({ attempts }, nowMs);
  return { ...state, phase: { ...announce(rows, { letters: "none", seen: true }), ...tries } };
}

/** The rows of the ranges are in ClickHouse. */
function clear(state: TableState, { ends }: RowsAtHand): TableState {
  const rowsTo = state.rowsTo.map((to, partition) => Math.max(to, ends.get(partition) ?? 0));
  return { ...state, rowsTo, phase: { kind: "clear", settled: false } };
}

function over(state: TableState, why: End["why"], reason: string): TableState {
  return { ...state, phase: { kind: "over", end: { why, reason } } };
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
      if (phase.kind === "announce" && phase.next !== "send")
        return { ...state, phase: { kind: "count", rows, after: phase.next, proven: true, ...UNTRIED } };
      // Ranges without a row need no insert.
      if (rows.count === 0) return clear(state, rows);
      return { ...state, phase: { kind: "insert", rows, seen, attempts, provenMs: startedMs } };
    }
    case "aborted": {
      const tries = again(phase, nowMs);
      if (phase.kind === "settle") return { ...state, phase: { kind: "settle", ...tries } };
      if (phase.kind === "announce") return { ...state, phase: { ...phase, ...tries } };
      return {
        ...state,
        phase: { ...announce(phase.rows, { letters: "none", seen: phase.seen }), ...tries },
      };
    }
    case "lost":
      return over(state, "unsure", outcome.reason);
    case "fenced":
      return over(state, "fenced", outcome.reason);
  }
}

function afterCount(
  state: TableState,
  phase: Extract<Phase, { kind: "count" }>,
  counted: number,
): TableState {
  const { rows, after, attempts } = phase;
  const announceAgain = announce(rows, { letters: "none", seen: true });
  if (counted === rows.count) return clear(state, rows);
  if (counted !== 0) {
    if (!phase.proven) return { ...state, phase: { ...announceAgain, next: after } };
    return over(state, "broken", `ClickHouse has ${counted} rows of a range that holds ${rows.count}`);
  }
  switch (after) {
    case "recovery":
      return { ...state, phase: { kind: "recovered" } };
    case "failure":
      return { ...state, phase: { ...announceAgain, attempts } };
    case "insert":
      return { ...state, generation: state.generation + 1, phase: announceAgain };
    case "refusal":
      return { ...state, phase: { kind: "examine", rows, attempts, notBeforeMs: 0 } };
  }
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
