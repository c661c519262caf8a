import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBibs } from "../../jobs/lib/bib-order.ts";
import type { Standing } from "../../schemas/index.ts";
import { entrant, SAMPLE, standing } from "../testing/sample-race.ts";
import { leaderboard } from "./leaderboard.ts";
import { type By, divisionName, RaceView } from "./race-view.ts";
import { runnerDetail } from "./runner-detail.ts";

const MATS = SAMPLE.mats.map(({ id }) => id);
const GROUPS: readonly [By, string][] = [
  ["overall", ""],
  ["gender", "M"],
  ["gender", "F"],
  ["division", "M 40-44"],
  ["division", "F 40-44"],
  ["division", "F 30-34"],
];

/** Few bibs, few times: ties, corrections and repeats come up all the time. Group by bib. */
const anyStanding = fc
  .record({
    number: fc.integer({ min: 1, max: 12 }),
    mat: fc.constantFrom(...MATS),
    counted: fc.boolean(),
    timeS: fc.option(fc.integer({ min: 1000, max: 1010 })),
    status: fc.constantFrom<Standing["status"]>("running", "running", "overdue", "dnf"),
  })
  .map(({ number, mat, counted, timeS, status }) => {
    const netS = counted ? timeS : null;
    const gender = number % 2 ? "M" : "F";
    const division = number % 3 ? "40-44" : gender === "F" ? "30-34" : "";
    return standing(String(number), mat, netS, { counted, gender, division, status });
  });

/** What must come out, the plain way: the last standing of each runner at each mat, sorted. */
function expected(all: readonly Standing[], mat: string, by: By, of: string): [number | null, string][] {
  const last = new Map(all.filter((one) => one.mat === mat).map((one) => [one.bib, one]));
  const ranked = [...last.values()]
    .filter((one) => one.counted && one.rankS !== null)
    .filter(
      (one) =>
        by === "overall" || of === (by === "gender" ? one.gender : divisionName(one.gender, one.division)),
    )
    .filter((one) => by !== "division" || one.division !== "")
    .sort((a, b) => a.rankS! - b.rankS! || compareBibs(a.bib, b.bib));
  const place = ({ rankS }: Standing) => 1 + ranked.filter((other) => other.rankS! < rankS!).length;
  // At the start nobody has a place.
  return ranked.map((one) => [mat === MATS[0] ? null : place(one), one.bib]);
}

function pageOf(view: RaceView, mat: string, by: By, of: string): [number | null, string][] {
  if (!view.group(by, of)) return [];
  const { rows } = leaderboard(view, { at: mat, by, of, limit: 1000, offset: 0 });
  return rows.map(({ place, bib }) => [place, bib]);
}

describe("a race's view", () => {
  test("ranks by the last standings, however they came and whenever it was asked", () => {
    fc.assert(
      fc.property(
        fc.array(anyStanding, { maxLength: 120 }),
        fc.integer({ min: 1, max: 20 }),
        (standings, askEvery) => {
          const view = new RaceView(SAMPLE);
          for (const [i, one] of standings.entries()) {
            view.applyStanding(one);
            if (i % askEvery === 0) for (const [by, of] of GROUPS) pageOf(view, one.mat, by, of);
          }
          for (const mat of MATS) {
            for (const [by, of] of GROUPS) {
              expect(pageOf(view, mat, by, of)).toEqual(expected(standings, mat, by, of));
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("says the same places of a runner as the boards do", () => {
    fc.assert(
      fc.property(fc.array(anyStanding, { maxLength: 80 }), fc.boolean(), (standings, listsFirst) => {
        const view = new RaceView(SAMPLE);
        for (const one of standings) view.applyStanding(one);
        if (listsFirst) for (const mat of MATS) for (const [by, of] of GROUPS) pageOf(view, mat, by, of);
        for (const { bib, gender, division } of standings) {
          for (const split of runnerDetail(view, bib).splits) {
            const placeIn = (by: By, of: string) =>
              expected(standings, split.mat, by, of).find(([, other]) => other === bib)?.[0] ?? null;
            expect(split.place).toBe(placeIn("overall", ""));
            expect(split.placeGender).toBe(placeIn("gender", gender));
            expect(split.placeDivision).toBe(
              division === "" ? null : placeIn("division", divisionName(gender, division)),
            );
            expect(split.passed).toBe(expected(standings, split.mat, "overall", "").length);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("moves a runner whose group is corrected", () => {
    const view = new RaceView(SAMPLE);
    view.applyStanding(standing("1", "10k", 2500));
    view.applyStanding(standing("2", "10k", 2400));
    expect(pageOf(view, "10k", "gender", "M")).toEqual([
      [1, "2"],
      [2, "1"],
    ]);
    view.applyEntrant(entrant("2", "F", "30-34"));
    expect(pageOf(view, "10k", "gender", "M")).toEqual([[1, "1"]]);
    expect(pageOf(view, "10k", "division", "F 30-34")).toEqual([[1, "2"]]);
    expect(pageOf(view, "10k", "overall", "")).toEqual([
      [1, "2"],
      [2, "1"],
    ]);
  });

  test("lives by distance, then time; the overdue and those who gave up sink, the disqualified are gone", () => {
    const view = new RaceView(SAMPLE);
    view.applyStanding(standing("1", "10k", 2500));
    view.applyStanding(standing("2", "10k", 2400, { status: "overdue" }));
    view.applyStanding(standing("3", "finish", 11_000));
    view.applyStanding(standing("4", "10k", 2300, { status: "dnf" }));
    view.applyStanding(standing("5", "10k", 2200, { status: "dsq", rankS: null }));
    view.applyStanding(standing("6", "start", 0));
    view.applyStanding(standing("7", "10k", null, { gunS: 2700 }));
    const live = leaderboard(view, { at: "live", by: "overall", of: "", limit: 50, offset: 0 });
    expect(live.rows.map(({ place, bib }) => [place, bib])).toEqual([
      [1, "3"],
      [2, "1"],
      [null, "7"],
      [null, "6"],
      [5, "2"],
      [6, "4"],
    ]);
    expect(view.counts).toEqual({
      runners: 7,
      started: 7,
      registered: 0,
      running: 3,
      overdue: 1,
      finished: 1,
      dnf: 1,
      dsq: 1,
    });
  });

  test("keeps the places of a field that grows far beyond its first size", () => {
    const view = new RaceView(SAMPLE);
    for (let i = 5000; i >= 1; i--) view.applyStanding(standing(String(i), "10k", 2000 + (i >> 1)));
    const { passed, rows } = leaderboard(view, { at: "10k", by: "overall", of: "", limit: 3, offset: 4997 });
    expect(passed).toBe(5000);
    expect(rows.map(({ place, bib }) => [place, bib])).toEqual([
      [4998, "4998"],
      [4998, "4999"],
      [5000, "5000"],
    ]);
    expect(runnerDetail(view, "3").splits[0]).toMatchObject({
      place: 2,
      passed: 5000,
      gapLeaderS: 1,
      gapAheadS: 1,
    });
  });
});
