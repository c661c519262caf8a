import { beforeAll, describe, expect, it } from "vitest";
import { PassingOutcome, TimingMessage } from "../../schemas/index.ts";
import type { LogRecord } from "./log-reader.ts";
import { type ChaosRace, makeRace } from "./race.ts";
import { doubledIn, judgeBoard, judgeFinishers, judgeOutcomes, judgeReads, judgeRows } from "./verdict.ts";

let race: ChaosRace;
let reads: LogRecord[];
let outcomes: LogRecord[];

beforeAll(() => {
  race = makeRace(3, 300);
  const record = (topic: string, offset: number, key: string, value: Buffer): LogRecord => ({
    topic,
    partition: 0,
    offset,
    timestampMs: 0,
    key: Buffer.from(key),
    value,
  });
  reads = [...race.reads].map(([id, { bib, mat, timeMs, receivedMs }], offset) =>
    record(
      "passings",
      offset,
      bib,
      TimingMessage.encode({ race: race.id, receivedMs, read: { id, bib, mat, timeMs } }),
    ),
  );
  const startOf = (bib: string) =>
    [...race.reads.values()].find((read) => read.bib === bib && read.mat === "start")?.timeMs;
  outcomes = [...race.reads].map(([id, { bib, mat, timeMs, receivedMs, fate }], offset) => {
    const startMs = startOf(bib);
    const netS = fate === "counted" && startMs !== undefined ? (timeMs - startMs) / 1000 : null;
    const value = PassingOutcome.encode({
      race: race.id,
      id,
      bib,
      mat,
      timeS: timeMs / 1000,
      receivedS: receivedMs / 1000,
      fate,
      reason: "",
      netS,
      gunS: null,
    });
    return record("passing-outcomes", offset, id, value);
  });
});

const offsets = (records: readonly LogRecord[]) => new Map([[0, records.map(({ offset }) => offset)]]);

describe("the verdict", () => {
  it("finds nothing wrong with what is right", () => {
    expect(judgeReads(race, reads)).toEqual([]);
    expect([...judgeOutcomes(race, outcomes), ...doubledIn(outcomes)]).toEqual([]);
    expect(judgeRows("t", outcomes, offsets(outcomes))).toEqual([]);
  });

  it("finds a read that is lost, and one that is there twice", () => {
    expect(judgeReads(race, reads.slice(1))).toEqual([expect.stringContaining("is not in Kafka")]);
    expect(judgeReads(race, [...reads, reads[5]!])).toEqual([expect.stringContaining("2 times")]);
  });

  it("finds an outcome that is lost, wrong, or said twice", () => {
    expect(judgeOutcomes(race, outcomes.slice(1))).toEqual([expect.stringContaining("has no outcome")]);
    const wrong = { ...outcomes[0]!, value: outcomes[1]!.value };
    expect(judgeOutcomes(race, [wrong, ...outcomes.slice(1)])).toHaveLength(1);
    expect(doubledIn([...outcomes, { ...outcomes[0]!, offset: 999 }])).toEqual([
      expect.stringContaining("999"),
    ]);
  });

  it("finds a row that is missing, doubled, or of nothing committed", () => {
    expect(judgeRows("t", outcomes, offsets(outcomes.slice(1)))).toEqual([
      expect.stringContaining("is not in ClickHouse"),
    ]);
    expect(judgeRows("t", outcomes, offsets([...outcomes, outcomes[0]!]))).toEqual([
      expect.stringContaining("2 times"),
    ]);
    expect(judgeRows("t", outcomes.slice(1), offsets(outcomes))).toEqual([
      expect.stringContaining("no committed record"),
    ]);
  });

  it("finds a wrong place on a board and among the finishers", () => {
    const ranked = [...race.finishers.values()]
      .filter(({ place }) => place !== null)
      .sort((a, b) => a.place! - b.place!)
      .slice(0, 5)
      .map(({ bib, place, netMs, gunMs }) => ({ bib, place, netS: netMs! / 1000, gunS: gunMs / 1000 }));
    expect(judgeBoard(race, "x", ranked, 5)).toEqual([]);
    expect(judgeBoard(race, "x", [ranked[1]!, ranked[0]!, ...ranked.slice(2)], 5)).toHaveLength(2);
    // A board that lost rows, or shows more than it was asked for, is wrong too.
    expect(judgeBoard(race, "x", ranked.slice(0, 3), 5)).toHaveLength(2);
    expect(judgeBoard(race, "x", [], 5)).toHaveLength(5);
    expect(judgeBoard(race, "x", ranked, 4)).toEqual([expect.stringContaining("should not be on it")]);
    const found = new Map(
      [...race.finishers].map(([bib, { netMs, gunMs, ...places }]) => [
        bib,
        { ...places, netS: netMs === null ? null : netMs / 1000, gunS: gunMs / 1000 },
      ]),
    );
    expect(judgeFinishers("SQL", race.finishers, found)).toEqual([]);
    const bib = ranked[0]!.bib;
    found.set(bib, { ...found.get(bib)!, place: 2 });
    expect(judgeFinishers("SQL", race.finishers, found)).toHaveLength(1);
  });
});
