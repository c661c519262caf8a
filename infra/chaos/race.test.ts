import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Field } from "../../jobs/lib/field.ts";
import { openRaceFolder } from "../../jobs/lib/race-folder.ts";
import { judge, type ReceivedRead, rankMsOf } from "../../jobs/lib/runner.ts";
import { makeRace, writeRaceFolder } from "./race.ts";

it("a race of a seed is the same race each time, and another one for another seed", () => {
  expect(makeRace(5, 500)).toEqual(makeRace(5, 500));
  expect(makeRace(6, 500).files.get("passings.csv")).not.toBe(makeRace(5, 500).files.get("passings.csv"));
});

it("a made race has all the hard cases", () => {
  const race = makeRace(1, 8_000);
  expect(Math.abs(race.reads.size - 8_000)).toBeLessThan(600);
  const fates = Map.groupBy(race.reads.values(), ({ fate }) => fate);
  expect([...fates.keys()].sort()).toEqual(["counted", "repeated", "unknown_bib"]);
  expect(new Set(race.statuses.values())).toEqual(new Set(["registered", "finished", "dnf"]));
  expect([...race.finishers.values()].some(({ netMs }) => netMs === null)).toBe(true);
  expect([...race.reads.values()].some((read) => read.receivedMs - read.timeMs > 60_000)).toBe(true);
});

it("what the oracle says of a made race is what the rules of the sport say, judged one runner after the other", {
  timeout: 60_000,
}, async () => {
  const race = makeRace(2, 3_000);
  const path = mkdtempSync(join(tmpdir(), "chaos-race-"));
  try {
    writeRaceFolder(race, path);
    const folder = await openRaceFolder(path, ({ problem }) => expect.fail(problem));
    const entrants = new Map(
      (await Array.fromAsync(folder.entrants())).map((entrant) => [entrant.bib, entrant]),
    );
    const messages = await Array.fromAsync(folder.messages());
    const reads = messages.map(({ receivedMs, read }): ReceivedRead => ({ ...read!, receivedMs }));
    expect(
      reads.map(({ id, bib, mat, timeMs, receivedMs }) => [id, { bib, mat, timeMs, receivedMs }]),
    ).toEqual([...race.reads].map(([id, { fate: _, ...read }]) => [id, read]));

    const field = new Field(folder.race, { live: false });
    const finish = folder.race.mats.length - 1;
    const fates: [string, string][] = [];
    for (const [bib, own] of Map.groupBy(reads, (read) => read.bib)) {
      const view = judge(folder.race, bib, entrants.get(bib), own, []);
      for (const { id, fate } of view.reads) fates.push([id, fate]);
      if (view.entrant === undefined) continue;
      const expected = race.statuses.get(bib);
      expect(view.status).toBe(expected === "dnf" ? "running" : expected);
      field.setRunner(bib, { ...view.entrant, status: view.status, projectedMs: null });
      const split = view.splits[finish];
      if (!split) continue;
      field.setSplit(bib, finish, split);
      const { netMs, gunMs } = race.finishers.get(bib)!;
      expect({ netMs: split.netMs, gunMs: split.gunMs }).toEqual({ netMs, gunMs });
      expect(rankMsOf(folder.race, split)).toBe(netMs);
    }
    expect(new Map(fates)).toEqual(new Map([...race.reads].map(([id, { fate }]) => [id, fate])));
    for (const { bib, place, placeGender, placeDivision } of race.finishers.values()) {
      const at = field.standingOf(finish, bib)!;
      expect([at.overall.place, at.gender.place, at.division.place]).toEqual([
        place,
        placeGender,
        placeDivision,
      ]);
    }
  } finally {
    rmSync(path, { recursive: true });
  }
});
