/**
 * The harness itself, tried by seeds: the records of a race as three topics hold them, met in every order that a reader of several
 * partitions may meet them in.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { randomFrom } from "../../runtime/testing/random.ts";
import { PassingOutcome, Standing, TimingMessage } from "../../schemas/index.ts";
import { FlowCounts, NO_READ } from "./flow-counts.ts";
import type { LogRecord } from "./log-reader.ts";
import { type ChaosRace, makeRace } from "./race.ts";

const PARTITIONS = 3;
const EVERYBODY_KNOWS = [{ name: "a spectator", clockMs: Number.MAX_SAFE_INTEGER }];

let race: ChaosRace;
/** Each in its order: three partitions of reads, three of outcomes, one of standings. */
let logs: LogRecord[][];

beforeAll(() => {
  race = makeRace(7, 200);
  const reads = Array.from({ length: PARTITIONS }, (): LogRecord[] => []);
  const outcomes = Array.from({ length: PARTITIONS }, (): LogRecord[] => []);
  let sentMs = 1_000;
  let lastMs = 0;
  for (const [id, { bib, mat, timeMs, receivedMs, fate }] of race.reads) {
    const number = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
    sentMs += 10;
    lastMs = Math.max(lastMs, receivedMs);
    const read = TimingMessage.encode({ race: race.id, receivedMs, read: { id, bib, mat, timeMs } });
    append(reads[number % PARTITIONS]!, "passings", number % PARTITIONS, sentMs, read);
    const outcome = PassingOutcome.encode({
      race: race.id,
      id,
      bib,
      mat,
      timeS: timeMs / 1000,
      receivedS: receivedMs / 1000,
      fate,
      reason: "",
      netS: null,
      gunS: null,
    });
    // Another producer's rule of partitions: outcomes need not stand where their reads do.
    const elsewhere = (number * 7 + 1) % PARTITIONS;
    append(outcomes[elsewhere]!, "passing-outcomes", elsewhere, sentMs, outcome);
  }
  const standings: LogRecord[] = [];
  append(standings, "standings", 0, sentMs, Standing.encode(standingAt(lastMs / 1000)));
  logs = [...reads, ...outcomes, standings];
});

function append(
  log: LogRecord[],
  topic: string,
  partition: number,
  timestampMs: number,
  value: Buffer,
): void {
  log.push({ topic, partition, offset: log.length * 2, timestampMs, key: Buffer.from("k"), value });
}

function standingAt(asOfS: number): Standing {
  return {
    race: race.id,
    mat: "finish",
    bib: "1",
    gender: "F",
    division: "",
    country: "",
    status: "finished",
    counted: true,
    asOfS,
    netS: 1,
    gunS: 1,
    rankS: 1,
    paceSPerKm: null,
    legPaceSPerKm: null,
    place: 1,
    passed: 1,
    placeGender: 1,
    passedGender: 1,
    placeDivision: null,
    passedDivision: 0,
    gapLeaderS: null,
    gapAheadS: null,
    projectedS: null,
    projectedPlace: null,
  };
}

/** Any interleaving that keeps the order of each partition. */
function interleaved(seed: number): LogRecord[] {
  const random = randomFrom(seed);
  const next = logs.map(() => 0);
  const met: LogRecord[] = [];
  for (;;) {
    const open = logs.flatMap((log, index) => (next[index]! < log.length ? [index] : []));
    if (open.length === 0) return met;
    const index = open[Math.floor(random() * open.length)]!;
    // A fetch brings many of one partition.
    const take = 1 + Math.floor(random() ** 3 * 60);
    met.push(...logs[index]!.slice(next[index]!, next[index]! + take));
    next[index]! += take;
  }
}

const rowsOf = (topic: string, before: number): Map<number, number> =>
  new Map(
    logs.flatMap((log) => {
      const last = log.findLast(({ offset }) => offset < before);
      return log[0]!.topic === topic && last ? [[last.partition, last.offset] as const] : [];
    }),
  );

describe("what the harness counts", () => {
  it("is complete once every record was met, in whatever order", () => {
    for (let seed = 0; seed < 60; seed++) {
      const counts = new FlowCounts();
      for (const record of interleaved(seed)) counts.take(record);
      counts.tookRows(rowsOf("passing-outcomes", Number.POSITIVE_INFINITY));
      expect([seed, counts.sent, counts.outcomes]).toEqual([seed, race.reads.size, race.reads.size]);
      expect(counts.missingSince(0, EVERYBODY_KNOWS)).toBeUndefined();
      expect(counts.lags(1e9)).toEqual({ lagMs: 0, rowLagMs: 0 });
    }
  });

  it("misses an outcome that is lost, in whatever order the rest is met", () => {
    for (let seed = 0; seed < 20; seed++) {
      const counts = new FlowCounts();
      const lost = logs[PARTITIONS]![0]!;
      for (const record of interleaved(seed)) if (record !== lost) counts.take(record);
      counts.tookRows(rowsOf("passing-outcomes", Number.POSITIVE_INFINITY));
      expect(counts.outcomes).toBe(race.reads.size - 1);
      expect(counts.lags(1e9).lagMs).toBeGreaterThan(0);
    }
  });

  it("misses rows, the board and a spectator that are behind", () => {
    const counts = new FlowCounts();
    expect(counts.missingSince(0, [])).toBe(NO_READ);
    for (const record of interleaved(1)) counts.take(record);
    counts.tookRows(rowsOf("passing-outcomes", 1));
    expect(counts.missingSince(1_500, [])).toMatch(/rows of passings/);
    expect(counts.lags(1e9).rowLagMs).toBeGreaterThan(0);
    counts.tookRows(rowsOf("passing-outcomes", Number.POSITIVE_INFINITY));
    expect(counts.missingSince(0, [{ name: "spectator 1", clockMs: 0 }])).toBe("what spectator 1 is told");
    expect(counts.missingSince(1e9, [])).toBe(NO_READ);
  });
});
