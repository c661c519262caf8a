/**
 * The verdict: what Kafka, ClickHouse and the API hold after a run, against the oracle. Read by others' code (librdkafka, SQL
 * over HTTP), compared here; the comparing is pure, so that it can itself be tested with what is wrong on purpose.
 *
 * VE1  Each read stands once in Kafka. Each has an outcome, and the last outcome is the oracle's.
 * VE2  No record of results is there twice: the job never says again what it said last of a key, so the same value twice in a
 *      row under one key is a doubled one.
 * VE3  ClickHouse holds exactly the committed records of the result topics, offset by offset, each once.
 * VE4  Final times, places and states are the oracle's: by records, by SQL, by the API of every node, on every spectator's
 *      board.
 * VE5  Nothing is set apart as a dead letter but what was sent to be.
 */
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { deadLetterTopic } from "../../runtime/graph/topics.ts";
import { DeadLetter, PassingOutcome, Standing, TimingMessage } from "../../schemas/index.ts";
import { finishersByApi, finishersBySql, sql } from "../acceptance/standings-of.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import type { BoardRow, Follower } from "./follower.ts";
import { type LogRecord, readLog } from "./log-reader.ts";
import type { ChaosRace, ExpectedFinisher } from "./race.ts";

export interface Poison {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface VerdictInput {
  readonly race: ChaosRace;
  readonly kafka: KafkaConnection;
  readonly clickHouse: ClickHouseConnection;
  readonly apis: readonly string[];
  readonly followers: readonly Follower[];
  /** As many rows as the spectators' boards show at most. */
  readonly boardRows: number;
  /** Records that were sent to be refused (VE5). */
  readonly poison: readonly Poison[];
}

export interface Verdict {
  readonly violations: readonly string[];
  /** What was compared, for the report. */
  readonly compared: Readonly<Record<string, number>>;
}

const JOB = "marathon-leaderboard";
/** Of each kind, this many are told one by one. */
const TOLD_MAX = 5;

export async function judgeRun(input: VerdictInput): Promise<Verdict> {
  const { race, kafka, clickHouse, apis, followers, boardRows, poison } = input;
  const violations: string[] = [];
  const compared: Record<string, number> = {};
  const note = (what: string, count: number, found: readonly string[]) => {
    compared[what] = count;
    violations.push(...found);
  };

  const passings = await readLog(kafka, "passings");
  note("reads in Kafka", passings.length, judgeReads(race, passings));
  const results = new Map<string, LogRecord[]>();
  for (const { topic } of RESULT_TABLES) results.set(topic, await readLog(kafka, topic));
  const outcomes = results.get("passing-outcomes")!;
  note("outcomes", outcomes.length, [...judgeOutcomes(race, outcomes), ...doubledIn(outcomes)]);
  const standings = results.get("standings")!;
  note("standings", standings.length, [...judgeStandings(race, standings), ...doubledIn(standings)]);
  const unknown = await readLog(kafka, "unknown-bibs");
  note("unknown bibs", unknown.length, judgeUnknown(race, unknown));
  const letters = await readLog(kafka, deadLetterTopic(JOB));
  note("dead letters", letters.length, judgeDeadLetters(letters, poison));

  for (const { topic, table } of RESULT_TABLES) {
    const records = results.get(topic)!;
    note(`rows of ${table}`, records.length, await judgeTable(clickHouse, topic, table, records));
  }

  const bySql = await finishersBySql(clickHouse, race.id);
  const withPlace = new Map([...race.finishers].filter(([, { place }]) => place !== null));
  note("finishers by SQL", bySql.size, judgeFinishers("SQL", withPlace, bySql));
  const states = await sql<{ status: string; runners: number }>(
    clickHouse,
    "SELECT status, count() AS runners FROM runners WHERE race = {race: String} GROUP BY status",
    { race: race.id },
  );
  note("states by SQL", states.length, judgeStates(race, states));
  for (const [index, api] of apis.entries()) {
    const where = `the API of node ${index + 1}`;
    try {
      const byApi = await finishersByApi(api, race.id);
      note(`finishers by ${where}`, byApi.size, judgeFinishers(where, withPlace, byApi));
    } catch (error) {
      violations.push(`${where} does not answer: ${(error as Error).message}`);
    }
  }
  for (const follower of followers) {
    note(`events to ${follower.name}`, follower.counts.events, [
      ...follower.violations,
      ...judgeBoard(race, follower.name, follower.board?.rows ?? [], boardRows),
    ]);
  }
  return { violations, compared };
}

/** VE1. Records that are no timing message are the poison's, and VE5's. */
export function judgeReads(race: ChaosRace, records: readonly LogRecord[]): string[] {
  const times = new Map<string, number>();
  const problems: string[] = [];
  for (const { value, partition, offset } of records) {
    const message = decoded(TimingMessage, value);
    if (message === undefined || message.read === null || message.race !== race.id) continue;
    const { id, bib, mat, timeMs } = message.read;
    const expected = race.reads.get(id);
    if (expected?.bib !== bib || expected.mat !== mat || expected.timeMs !== timeMs)
      problems.push(`passings ${partition}/${offset}: read ${id} is not one of the race`);
    times.set(id, (times.get(id) ?? 0) + 1);
  }
  for (const id of race.reads.keys()) if (!times.has(id)) problems.push(`read ${id} is not in Kafka`);
  for (const [id, count] of times) if (count > 1) problems.push(`read ${id} is in Kafka ${count} times`);
  return told("reads", problems);
}

export function judgeOutcomes(race: ChaosRace, records: readonly LogRecord[]): string[] {
  const last = new Map<string, PassingOutcome>();
  for (const { value } of records) {
    const outcome = decoded(PassingOutcome, value);
    if (outcome?.race === race.id) last.set(outcome.id, outcome);
  }
  const starts = new Map(
    [...race.reads.values()]
      .filter(({ mat, fate }) => mat === "start" && fate === "counted")
      .map(({ bib, timeMs }) => [bib, timeMs]),
  );
  const problems: string[] = [];
  for (const [id, { bib, timeMs, fate }] of race.reads) {
    const outcome = last.get(id);
    if (outcome === undefined) {
      problems.push(`read ${id} of ${bib} has no outcome`);
      continue;
    }
    const startMs = starts.get(bib);
    const netS = fate === "counted" && startMs !== undefined ? (timeMs - startMs) / 1000 : null;
    if (outcome.fate !== fate || outcome.netS !== netS)
      problems.push(
        `read ${id} of ${bib} is ${outcome.fate} at ${outcome.netS} s, should be ${fate} at ${netS} s`,
      );
  }
  for (const id of last.keys()) if (!race.reads.has(id)) problems.push(`outcome of an unknown read ${id}`);
  return told("outcomes", problems);
}

/** VE4, by records. */
export function judgeStandings(race: ChaosRace, records: readonly LogRecord[]): string[] {
  const statuses = new Map<string, string>();
  const finishes = new Map<string, Standing>();
  for (const { value } of records) {
    const standing = decoded(Standing, value);
    if (standing?.race !== race.id) continue;
    statuses.set(standing.bib, standing.status);
    if (standing.mat !== "finish") continue;
    if (standing.counted) finishes.set(standing.bib, standing);
    else finishes.delete(standing.bib);
  }
  const problems: string[] = [];
  for (const [bib, status] of race.statuses) {
    const found = statuses.get(bib) ?? "nothing";
    if (found !== status) problems.push(`${bib} is ${found}, should be ${status}`);
  }
  for (const [bib, { netMs, gunMs }] of race.finishers) {
    const found = finishes.get(bib);
    const netS = netMs === null ? null : netMs / 1000;
    if (found?.netS !== netS || found.gunS !== gunMs / 1000)
      problems.push(
        `${bib} finishes in ${found?.netS} (gun ${found?.gunS}), should be ${netS} (${gunMs / 1000})`,
      );
  }
  for (const bib of finishes.keys()) if (!race.finishers.has(bib)) problems.push(`${bib} should not finish`);
  return told("standings", problems);
}

function judgeUnknown(race: ChaosRace, records: readonly LogRecord[]): string[] {
  const times = new Map<string, number>();
  for (const { value } of records) {
    const outcome = decoded(PassingOutcome, value);
    if (outcome?.race === race.id) times.set(outcome.id, (times.get(outcome.id) ?? 0) + 1);
  }
  const problems: string[] = [];
  for (const [id, { fate }] of race.reads) {
    const expected = fate === "unknown_bib" ? 1 : 0;
    const found = times.get(id) ?? 0;
    if (found !== expected) problems.push(`read ${id} is there ${found} times, should be ${expected}`);
  }
  return told("unknown-bibs", problems);
}

/** VE2; also across partitions nothing can be doubled that is not doubled in one: a key has one partition. */
export function doubledIn(records: readonly LogRecord[]): string[] {
  const last = new Map<string, Buffer>();
  const problems: string[] = [];
  for (const { topic, partition, offset, key, value } of records) {
    if (value === null || key === null) continue;
    const name = `${partition} ${key.toString("latin1")}`;
    if (last.get(name)?.equals(value)) problems.push(`${topic} ${partition}/${offset}: ${key} again`);
    last.set(name, value);
  }
  return told("doubled", problems);
}

/** VE3, of a table and its topic. */
export async function judgeTable(
  clickHouse: ClickHouseConnection,
  topic: string,
  table: string,
  records: readonly LogRecord[],
): Promise<string[]> {
  const rows = await sql<{ partition: number; offsets: number[] }>(
    clickHouse,
    `SELECT kafka_partition AS partition, groupArray(kafka_offset) AS offsets FROM ${table} GROUP BY kafka_partition`,
  );
  return judgeRows(topic, records, new Map(rows.map(({ partition, offsets }) => [partition, offsets])));
}

/** VE3. */
export function judgeRows(
  topic: string,
  records: readonly LogRecord[],
  rows: ReadonlyMap<number, readonly number[]>,
): string[] {
  const problems: string[] = [];
  const committed = Map.groupBy(records, ({ partition }) => partition);
  for (const partition of new Set([...committed.keys(), ...rows.keys()])) {
    const expected = new Set((committed.get(partition) ?? []).map(({ offset }) => offset));
    const found = new Map<number, number>();
    for (const offset of rows.get(partition) ?? []) found.set(offset, (found.get(offset) ?? 0) + 1);
    for (const offset of expected)
      if (!found.has(offset)) problems.push(`${topic} ${partition}/${offset} is not in ClickHouse`);
    for (const [offset, times] of found) {
      if (!expected.has(offset))
        problems.push(`ClickHouse has ${topic} ${partition}/${offset}, which is no committed record`);
      else if (times > 1) problems.push(`${topic} ${partition}/${offset} is in ClickHouse ${times} times`);
    }
  }
  return told(`rows of ${topic}`, problems);
}

/** VE5. */
export function judgeDeadLetters(records: readonly LogRecord[], poison: readonly Poison[]): string[] {
  const times = new Map<string, number>();
  const problems: string[] = [];
  for (const { value } of records) {
    const letter = decoded(DeadLetter, value);
    if (letter === undefined) {
      problems.push("a dead letter that cannot be read");
      continue;
    }
    const place = `${letter.topic} ${letter.partition}/${letter.offset}`;
    times.set(place, (times.get(place) ?? 0) + 1);
    if (!poison.some((it) => place === `${it.topic} ${it.partition}/${it.offset}`))
      problems.push(`${place} was set apart: ${letter.reason}`);
  }
  for (const { topic, partition, offset } of poison) {
    const found = times.get(`${topic} ${partition}/${offset}`) ?? 0;
    if (found !== 1)
      problems.push(`the bad record ${topic} ${partition}/${offset} was set apart ${found} times`);
  }
  return told("dead letters", problems);
}

type Found = {
  readonly netS: number | null;
  readonly gunS: number | null;
  readonly place: number | null;
  readonly placeGender: number | null;
  readonly placeDivision: number | null;
};

/** VE4. */
export function judgeFinishers(
  where: string,
  expected: ReadonlyMap<string, ExpectedFinisher>,
  found: ReadonlyMap<string, Found>,
): string[] {
  const problems: string[] = [];
  const text = ({ netS, gunS, place, placeGender, placeDivision }: Found) =>
    `${place}/${placeGender}/${placeDivision} in ${netS} (gun ${gunS})`;
  for (const [bib, { netMs, gunMs, ...places }] of expected) {
    const should = text({ netS: netMs === null ? null : netMs / 1000, gunS: gunMs / 1000, ...places });
    const row = found.get(bib);
    const is = row === undefined ? "nothing" : text(row);
    if (is !== should) problems.push(`${bib} is ${is}, should be ${should}`);
  }
  for (const bib of found.keys()) if (!expected.has(bib)) problems.push(`${bib} should not be there`);
  return told(`finishers by ${where}`, problems);
}

function judgeStates(
  race: ChaosRace,
  found: readonly { readonly status: string; readonly runners: number }[],
): string[] {
  const count = (states: Iterable<string>) =>
    JSON.stringify([...Map.groupBy(states, (it) => it)].map(([name, all]) => [name, all.length]).sort());
  const should = count(race.statuses.values());
  const is = JSON.stringify(found.map(({ status, runners }) => [status, runners]).sort());
  return is === should ? [] : [`states by SQL are ${is}, should be ${should}`];
}

/** The final board of a spectator: the first places, as many as there are up to `rowsMax`, and nothing else. */
export function judgeBoard(
  race: ChaosRace,
  name: string,
  rows: readonly BoardRow[],
  rowsMax: number,
): string[] {
  const ranked = [...race.finishers.values()].filter(({ place }) => place !== null);
  ranked.sort((a, b) => a.place! - b.place! || Number(a.bib) - Number(b.bib));
  const should = ranked.slice(0, rowsMax);
  const problems = should.flatMap((finisher, index) => {
    const row = rows[index];
    const same =
      row?.bib === finisher.bib && row.place === finisher.place && row.netS === finisher.netMs! / 1000;
    return same
      ? []
      : [`row ${index + 1} is ${row?.place} ${row?.bib}, should be ${finisher.place} ${finisher.bib}`];
  });
  for (const row of rows.slice(should.length)) problems.push(`${row.bib} should not be on it`);
  return told(`the board of ${name}`, problems);
}

function decoded<T>(codec: { decode(bytes: Buffer): T }, value: Buffer | null): T | undefined {
  try {
    return value === null ? undefined : codec.decode(value);
  } catch {
    return undefined;
  }
}

/** The first of what is wrong, and how much more there is. */
export function told(what: string, problems: readonly string[]): string[] {
  if (problems.length <= TOLD_MAX) return problems.map((problem) => `${what}: ${problem}`);
  return [
    ...problems.slice(0, TOLD_MAX).map((problem) => `${what}: ${problem}`),
    `${what}: and ${problems.length - TOLD_MAX} more`,
  ];
}
