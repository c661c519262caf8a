/**
 * How the leaderboard is simulated: a small race with all that goes wrong in one, and what must come of it.
 *
 * Places are those at the moment a row was written, so they depend on which of two runners' reads the race heard of first;
 * times, fates, verdicts and the status at the end do not.
 */
import { isDeepStrictEqual } from "node:util";
import type { InputRecord, Outcome, Random, SimulatedJob } from "../runtime/testing/index.ts";
import { sequential } from "../runtime/testing/index.ts";
import {
  Correction,
  CorrectionOutcome,
  Entrant,
  PassingOutcome,
  Race,
  RunnerUpdate,
  Standing,
  TimingMessage,
} from "../schemas/index.ts";
import { cleanReads, EXAMPLE_RACE, entrant } from "./lib/example-race.ts";
import type { ReceivedRead } from "./lib/runner.ts";
import { runnerKey } from "./lib/runner-step.ts";
import leaderboard from "./marathon-leaderboard.ts";

const race = EXAMPLE_RACE;
const MAX_PARTITIONS = 4;
const MATS = race.mats.map(({ id }) => id);

function input(random: Random): InputRecord[] {
  const bibs = Array.from({ length: random.between(2, 14) }, (_, index) => String(index + 1));
  const spanMs = random.pick([1_000, 6_000, 15_000]);
  const reads = bibs.flatMap((bib) => readsOf(bib, random)).sort((a, b) => a.receivedMs - b.receivedMs);
  const firstMs = reads[0]?.receivedMs ?? race.gunMs;
  const raceMs = (reads.at(-1)?.receivedMs ?? race.gunMs) - firstMs + 1;
  const atOf = (receivedMs: number) => Math.floor(((receivedMs - firstMs) / raceMs) * spanMs);
  const keyOf = (bib: string) => runnerKey({ race: race.id, bib });

  const records: InputRecord[] = [
    { topic: "races", key: race.id, value: Race.encode(race), atMs: random.chance(0.2) ? spanMs / 2 : 0 },
  ];
  for (const bib of bibs) {
    // Some bibs are on no list; some entrants come late.
    if (random.chance(0.1)) continue;
    const value = Entrant.encode(entrant(bib, random.pick(["F", "M"]), random.pick(["18-39", "40-44"])));
    records.push({ topic: "entrants", key: keyOf(bib), value, atMs: random.chance(0.1) ? spanMs / 3 : 0 });
  }
  for (const { receivedMs, ...read } of reads) {
    const value = TimingMessage.encode({ race: race.id, receivedMs, read });
    records.push({ topic: "passings", key: keyOf(read.bib), value, atMs: atOf(receivedMs) });
    if (random.chance(0.03)) records.push({ ...records.at(-1)!, atMs: atOf(receivedMs) + 1 });
  }
  for (let nth = random.between(0, 4); nth > 0; nth--) {
    const correction = correctionOf(random.pick(bibs), nth, random);
    const atMs = random.between(0, spanMs);
    records.push({
      topic: "corrections",
      key: keyOf(correction.bib),
      value: Correction.encode(correction),
      atMs,
    });
  }
  const beat = (timeMs: number, atMs: number) => {
    const receivedMs = Math.floor(timeMs);
    const value = TimingMessage.encode({ race: race.id, receivedMs, read: null });
    for (let partition = 0; partition < MAX_PARTITIONS; partition++)
      records.push({ topic: "passings", key: "beat", partition, value, atMs });
  };
  for (let part = 1; part <= 4; part++)
    beat(firstMs + (raceMs * part) / 4, atOf(firstMs + (raceMs * part) / 4));
  // Late enough that whoever has not come is not awaited any more.
  beat(firstMs + raceMs + 40_000_000, spanMs + 50);
  return records;
}

function readsOf(bib: string, random: Random): ReceivedRead[] {
  const reads = cleanReads(bib, random.between(180, 420), random.between(0, 200));
  const until = random.chance(0.2) ? random.between(1, reads.length) : reads.length;
  return reads.slice(0, until).flatMap((read) => {
    if (random.chance(0.05)) return [];
    if (random.chance(0.05)) {
      const timeMs = read.timeMs + random.between(1, 20) * 1000;
      return [read, { ...read, id: `${read.id}-again`, timeMs, receivedMs: timeMs }];
    }
    return [read];
  });
}

function correctionOf(bib: string, nth: number, random: Random): Correction {
  const kind = random.pick(["void", "add", "change", "disqualify", "reinstate"] as const);
  const mat = kind === "disqualify" || kind === "reinstate" ? null : random.pick(MATS);
  const timeMs = kind === "add" || kind === "change" ? race.gunMs + random.between(100, 15_000) * 1000 : null;
  return {
    race: race.id,
    bib,
    id: `c${nth}`,
    kind,
    read: null,
    mat,
    timeMs,
    reason: "simulated",
    enteredMs: nth,
  };
}

function check(outcome: Outcome): void {
  const plain = sequential(leaderboard, outcome.input);
  same("dead letters", outcome.deadLetters(), plain.deadLetters(), (letters) => letters.length);
  for (const look of [fates, verdicts, unknownBibs, times, statuses, runnersState, raceState])
    same(look.name, outcome, plain, look);
}

const entrantsOf = ({ input }: Outcome): Set<string> =>
  new Set(input.filter(({ topic }) => topic === "entrants").map(({ key }) => key));

/** What became of each read in the end. */
function fates(outcome: Outcome) {
  return fields(
    outcome.latest("passing-outcomes", PassingOutcome),
    ({ bib, mat, timeS, fate, netS, gunS }) => [bib, mat, timeS, fate, netS, gunS],
  );
}

function verdicts(outcome: Outcome) {
  return fields(outcome.latest("correction-outcomes", CorrectionOutcome), ({ applied, refusal }) => [
    applied,
    refusal,
  ]);
}

/** Whose entrant comes late may have been called unknown for a while. */
function unknownBibs(outcome: Outcome) {
  const known = entrantsOf(outcome);
  const unknown = outcome
    .values("unknown-bibs", PassingOutcome)
    .filter((passing) => !known.has(runnerKey(passing)));
  return [...new Set(unknown.map(({ id }) => id))].sort();
}

/** Of each runner at each mat where one counts: what was taken back before it was said may leave no row. */
function times(outcome: Outcome) {
  const rows = outcome.latest("standings", Standing);
  for (const [key, { counted }] of rows) if (!counted) rows.delete(key);
  return fields(rows, ({ netS, gunS, rankS, place }) => [netS, gunS, rankS, place === null]);
}

/** The last status of each runner: a race's rows are in one partition. */
function statuses(outcome: Outcome) {
  const last = new Map(outcome.values("standings", Standing).map((row) => [row.bib, row]));
  return fields(last, ({ status, gender, division }) => [status, gender, division]);
}

function runnersState(outcome: Outcome) {
  const kept = [...outcome.state("by-runner")].filter(([key]) => !key.startsWith("t"));
  return Object.fromEntries(kept.map(([key, value]) => [key, value.toString("base64")]).sort());
}

function raceState(outcome: Outcome) {
  const runners = [...outcome.state("by-race")].flatMap(([key, value]) =>
    key.startsWith("m\0by-race.runners\0") ? [RunnerUpdate.decode(value, 1)] : [],
  );
  const told = runners.map(({ bib, status, splits, expectedMs }): [string, unknown] => [
    bib,
    [status, splits, expectedMs],
  ]);
  return Object.fromEntries(told.sort());
}

function fields<T>(rows: ReadonlyMap<string, T>, of: (row: T) => unknown): Record<string, unknown> {
  return Object.fromEntries([...rows].map(([key, row]): [string, unknown] => [key, of(row)]).sort());
}

function same<T>(what: string, actual: T, expected: T, look: (of: T) => unknown): void {
  const [found, wanted] = [look(actual), look(expected)];
  if (isDeepStrictEqual(found, wanted)) return;
  throw new Error(`${what}: ${difference(found, wanted)}`);
}

function difference(found: unknown, wanted: unknown): string {
  if (typeof found !== "object" || typeof wanted !== "object" || found === null || wanted === null)
    return `${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`;
  const [a, b] = [found, wanted] as Record<string, unknown>[] as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (key) => !isDeepStrictEqual(a[key], b[key]),
  );
  return keys
    .slice(0, 4)
    .map((key) => `${key} is ${JSON.stringify(a[key])} instead of ${JSON.stringify(b[key])}`)
    .join("; ");
}

export const simulation: SimulatedJob = { job: leaderboard, input, check };
