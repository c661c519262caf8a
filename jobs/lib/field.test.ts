import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RunnerStatus } from "../../schemas/index.ts";
import { compareBibs } from "./bib-order.ts";
import { EXAMPLE_RACE } from "./example-race.ts";
import { divisionOf, Field, type GroupKind, type RunnerInfo, type Times } from "./field.ts";

const runner = (gender = "F", division = "40-44", status: RunnerStatus = "running"): RunnerInfo => ({
  gender,
  division,
  country: "",
  status,
  projectedMs: null,
});

function fieldOf(
  finishes: Readonly<Record<string, number | null>>,
  infos: Readonly<Record<string, RunnerInfo>> = {},
): Field {
  const field = new Field(EXAMPLE_RACE, { live: true });
  for (const [bib, netMs] of Object.entries(finishes)) {
    field.setRunner(bib, infos[bib] ?? runner());
    field.setSplit(bib, 4, { netMs, gunMs: (netMs ?? 0) + 60_000 });
  }
  return field;
}
const places = (field: Field, at: number | "live" = 4, by: GroupKind = "overall", of = "") =>
  field.page(at, by, of, 0, 100).rows.map(({ place, bib }) => `${place} ${bib}`);

test("ties share the best place, in the order of their bibs", () => {
  const field = fieldOf({ "10": 100, "9": 100, "2": 90, "3": 110 });
  expect(places(field)).toEqual(["1 2", "2 9", "2 10", "4 3"]);
  expect(field.page(4, "overall", "", 2, 2).rows.map(({ place, gapMs }) => [place, gapMs])).toEqual([
    [2, 10],
    [4, 20],
  ]);
  expect(field.standingOf(4, "10")).toMatchObject({
    overall: { place: 2, passed: 4 },
    gapLeaderMs: 10,
    gapAheadMs: 0,
  });
  expect(field.standingOf(4, "2")).toMatchObject({ gapLeaderMs: 0, gapAheadMs: null });
});

test("places by gender and by division within a gender; an empty one is no group", () => {
  const field = fieldOf(
    { "1": 10, "2": 20, "3": 30, "4": 40, "5": 50 },
    {
      "1": runner("M"),
      "2": runner("F"),
      "3": runner("M", ""),
      "4": runner("", "40-44"),
      "5": runner("F", "45-49"),
    },
  );
  expect(field.groups("gender")).toEqual(["F", "M"]);
  expect(field.groups("division")).toEqual(["40-44", "F 40-44", "F 45-49", "M 40-44"]);
  expect(places(field, 4, "gender", "F")).toEqual(["1 2", "2 5"]);
  expect(places(field, 4, "division", "F 45-49")).toEqual(["1 5"]);
  expect(field.standingOf(4, "3")).toMatchObject({
    gender: { place: 2, passed: 2 },
    division: { place: null, passed: 0 },
  });
  expect(field.page(4, "division", "nobody", 0, 10)).toEqual({ passed: 0, rows: [] });
});

test("no time on the race's clock, or disqualified: times without a place, and nobody counts them", () => {
  const field = fieldOf({ "1": 10, "2": null, "3": 30 }, { "1": runner("F", "40-44", "dsq") });
  expect(places(field)).toEqual(["1 3"]);
  expect(field.standingOf(4, "1")).toMatchObject({
    netMs: 10,
    rankMs: null,
    overall: { place: null, passed: 1 },
    gapLeaderMs: null,
  });
  expect(field.standingOf(4, "2")).toMatchObject({
    netMs: null,
    gunMs: 60_000,
    overall: { place: null, passed: 1 },
  });
  field.setRunner("1", runner());
  expect(places(field)).toEqual(["1 1", "2 3"]);
});

test("live: whoever has come farthest first, then by time there; late ones at the end, disqualified ones gone", () => {
  const field = new Field(EXAMPLE_RACE, { live: true });
  const statuses: RunnerStatus[] = ["running", "running", "overdue", "dnf", "dsq", "running", "registered"];
  for (const [index, status] of statuses.entries())
    field.setRunner(String(index), runner("F", "40-44", status));
  for (const [bib, mat, netMs] of [
    ["0", 1, 50],
    ["1", 2, 90],
    ["2", 3, 80],
    ["3", 3, 70],
    ["4", 3, 60],
    ["5", 1, 40],
  ] as const) {
    field.setSplit(bib, mat, { netMs, gunMs: netMs });
  }
  expect(places(field, "live")).toEqual(["1 1", "2 5", "3 0", "4 2", "5 3"]);
  field.setSplit("0", 2, { netMs: 80, gunMs: 80 });
  expect(
    field.page("live", "overall", "", 0, 3).rows.map(({ bib, mat, gapMs }) => [bib, mat, gapMs]),
  ).toEqual([
    ["0", 2, 0],
    ["1", 2, 10],
    ["5", 1, null],
  ]);
});

describe("projected finishes:", () => {
  test("a projected finish has a place among the real ones, and the real one replaces it", () => {
    const field = fieldOf({ "1": 100_000, "2": 200_000 });
    field.setRunner("3", { ...runner(), projectedMs: 150_000 });
    expect(field.finishPlaceOf("3")).toBe(2);
    expect(field.finishPlaceOf("2")).toBe(3);
    field.setSplit("3", 4, { netMs: 250_000, gunMs: 300_000 });
    expect([field.finishPlaceOf("2"), field.finishPlaceOf("3")]).toEqual([2, 3]);
  });
});

test("after any changes it is the field of the last values alone", () => {
  const bib = fc.constantFrom("1", "2", "10", "F1", "07");
  // Some in one second, for the projected finishes that go by whole ones.
  const ms = (max: number) => fc.nat(max).map((count) => count * 400);
  const times = fc.record({ netMs: fc.option(ms(5)), gunMs: ms(5) });
  const info = fc.record({
    gender: fc.constantFrom("F", "M", ""),
    division: fc.constantFrom("40-44", "45-49", ""),
    country: fc.constant(""),
    status: fc.constantFrom<RunnerStatus>("registered", "running", "overdue", "finished", "dnf", "dsq"),
    projectedMs: fc.option(ms(9)),
  });
  const step = fc.oneof(
    fc.record({ bib, info }),
    fc.record({ bib, mat: fc.nat(4), times }),
    fc.record({ bib, mat: fc.nat(4), times: fc.constant(null) }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom<"net" | "gun">("net", "gun"),
      fc.array(step, { maxLength: 60 }),
      (rankBy, steps) => {
        const field = new Field({ ...EXAMPLE_RACE, rankBy }, { live: true });
        const infos = new Map<string, RunnerInfo>();
        const splits = new Map<string, (Times | null)[]>();
        for (const one of steps) {
          if (!infos.has(one.bib) && !("info" in one)) continue;
          if ("info" in one) {
            infos.set(one.bib, one.info);
            field.setRunner(one.bib, one.info);
          } else {
            const known = splits.get(one.bib) ?? [];
            known[one.mat] = one.times;
            splits.set(one.bib, known);
            if (one.times === null) field.removeSplit(one.bib, one.mat);
            else field.setSplit(one.bib, one.mat, one.times);
          }
        }
        const timeOf = (of: string, mat: number) =>
          infos.get(of)!.status === "dsq"
            ? null
            : (splits.get(of)?.[mat]?.[rankBy === "net" ? "netMs" : "gunMs"] ?? null);
        for (const mat of [0, 1, 2, 3, 4]) {
          for (const [by, name] of [
            ["overall", () => ""],
            ["gender", (of: string) => infos.get(of)!.gender],
            ["division", (of: string) => divisionOf(infos.get(of)!)],
          ] as const) {
            for (const group of field.groups(by)) {
              const inGroup = [...infos.keys()].filter(
                (of) => name(of) === group && timeOf(of, mat) !== null,
              );
              inGroup.sort((a, b) => timeOf(a, mat)! - timeOf(b, mat)! || compareBibs(a, b));
              const expected = inGroup.map(
                (of) =>
                  `${mat === 0 ? null : 1 + inGroup.filter((other) => timeOf(other, mat)! < timeOf(of, mat)!).length} ${of}`,
              );
              expect(places(field, mat, by, group)).toEqual(expected);
            }
          }
        }
        const finishOf = (of: string) =>
          splits.get(of)?.[4]
            ? timeOf(of, 4)
            : infos.get(of)!.status === "dsq"
              ? null
              : infos.get(of)!.projectedMs;
        const second = (timeMs: number) => Math.floor(timeMs / 1000);
        for (const of of infos.keys()) {
          const mine = finishOf(of);
          expect(field.finishPlaceOf(of)).toBe(
            mine === null
              ? null
              : 1 +
                  [...infos.keys()].filter(
                    (other) => finishOf(other) !== null && second(finishOf(other)!) < second(mine),
                  ).length,
          );
        }
        const live = field.page("live", "overall", "", 0, 100);
        expect(live.passed).toBe(
          [...infos.keys()].filter(
            (of) => infos.get(of)!.status !== "dsq" && splits.get(of)?.some((one) => one),
          ).length,
        );
        const statuses = Map.groupBy(infos.values(), ({ status }) => status);
        expect(new Map([...field.statuses()].filter(([, count]) => count > 0))).toEqual(
          new Map([...statuses].map(([status, all]) => [status, all.length])),
        );
      },
    ),
    { numRuns: 1500 },
  );
});
