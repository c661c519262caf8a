import { describe, expect, test } from "vitest";
import type { MatRead, Race } from "../../schemas/index.ts";
import { EXAMPLE_RACE, entrant, read } from "./example-race.ts";
import { judge, type ReceivedRead } from "./runner.ts";

const view = (reads: readonly ReceivedRead[], race: Race = EXAMPLE_RACE) =>
  judge(race, "7", entrant("7"), reads, []);
/** Seconds of the finish on the runner's clock and the gun's. */
const finish = (reads: readonly ReceivedRead[], race?: Race) => {
  const { netMs, gunMs } = view(reads, race).splits[4]!;
  return [netMs === null ? null : netMs / 1000, gunMs / 1000];
};
const start = (...seconds: number[]) => seconds.map((second) => read("7", "start", second));
/** From the moment of the own start on. */
const rest = (from: number) => [
  read("7", "10k", from + 3000),
  read("7", "half", from + 6330),
  read("7", "finish", from + 12_659),
];
const fates = (reads: readonly ReceivedRead[]) =>
  view(reads).reads.map(({ fate, reason }) => (reason === "" ? fate : `${fate}: ${reason}`));

describe("of several reads at the start", () => {
  test("the last before leaving counts: who walked over the mat to the corral, or stood on it", () => {
    expect(finish([...start(120, 1800), ...rest(1800)])).toEqual([12_659, 14_459]);
    expect(finish([...start(-25, 4), ...rest(4)])).toEqual([12_659, 12_663]);
    expect(finish([...start(-8, -5, -2, 1, 4), ...rest(4)])).toEqual([12_659, 12_663]);
    expect(fates([...start(120, 1800), ...rest(1800)])[0]).toBe(
      "repeated: start was crossed again at 10:30:00, the last crossing before leaving counts",
    );
  });
  test("the first of a crossing counts: two antennas hear one chip", () => {
    expect(finish([...start(60, 62, 65), ...rest(60)])).toEqual([12_659, 12_719]);
  });
  test("none counts that the next mat cannot follow: start and finish lie on one line", () => {
    const reads = [...start(60), ...rest(60), ...start(12_700)];
    expect(finish(reads)).toEqual([12_659, 12_719]);
    expect(fates(reads).at(-1)).toBe("repeated: start was left at 10:01:00");
    expect(finish([...start(60, 12_700), read("7", "finish", 12_719)])).toEqual([12_659, 12_719]);
  });
  test("those from before the gun start with it, if the start was open", () => {
    for (const early of [-2, -40, -299]) {
      expect(finish([...start(early), ...rest(4)])).toEqual([12_663, 12_663]);
      expect(view(start(early)).splits[0]).toEqual({ mat: 0, netMs: 0, gunMs: 0 });
    }
    expect(fates(start(-301))).toEqual(["questionable: 5:01 before the gun"]);
    expect(view(start(-40), { ...EXAMPLE_RACE, startOpensMs: 20_000 }).splits[0]).toBeUndefined();
  });
  test("a second before the gun is the mat's clock, as organisers take it", () => {
    expect(finish([...start(-1), ...rest(-1)])).toEqual([12_659, 12_658]);
  });
  test("those from after the start was closed do not count", () => {
    const race = { ...EXAMPLE_RACE, startClosesMs: 600_000 };
    expect(finish([...start(60, 900), ...rest(900)], race)).toEqual([13_499, 13_559]);
  });
});

describe("which of several reads counts is a setting of the mat", () => {
  const with10k = (counts: MatRead): Race => ({
    ...EXAMPLE_RACE,
    mats: EXAMPLE_RACE.mats.map((mat) => (mat.id === "10k" ? { ...mat, counts } : mat)),
  });
  const reads = [...start(60), ...[3060, 3062, 3064, 3500].map((second) => read("7", "10k", second))];
  const counted = (counts: MatRead) => view(reads, with10k(counts)).splits[1]!.gunMs / 1000;
  test.each([
    ["first", 3060],
    ["best", 3062],
    ["last", 3500],
  ] as const)("%s", (counts, second) => {
    expect(counted(counts)).toBe(second);
  });
  test("and so may be the first at the start", () => {
    const race: Race = {
      ...EXAMPLE_RACE,
      mats: EXAMPLE_RACE.mats.map((mat, i) => (i === 0 ? { ...mat, counts: "first" } : mat)),
    };
    expect(finish([...start(120, 1800), ...rest(1800)], race)).toEqual([14_339, 14_459]);
  });
});

describe("a read by a wrong clock", () => {
  test("that arrived an hour before it was taken does not count, and says why", () => {
    const early = { ...read("7", "10k", 6660), receivedMs: EXAMPLE_RACE.gunMs + 3_060_000 };
    expect(fates([...start(60), early])[1]).toBe(
      "questionable: it arrived 1:00:00 before it was taken: a clock is wrong",
    );
    const little = { ...early, timeMs: early.receivedMs + 60_000 };
    expect(fates([...start(60), little])[1]).toBe("counted");
  });
  test("says no more of how late it is than the runner was awaited", () => {
    const day = 86_400_000;
    const normal = view([...start(60), read("7", "10k", 3060)]);
    expect(normal.asOfMs).toBe(EXAMPLE_RACE.gunMs + 3_060_000);
    const wrong = [
      { ...read("7", "10k", 3060), receivedMs: EXAMPLE_RACE.gunMs + 3_060_000 + day },
      read("7", "10k", 3060 + 86_400),
    ];
    for (const one of wrong) {
      const { asOfMs } = view([...start(60), one]);
      expect(asOfMs).toBeLessThan(EXAMPLE_RACE.gunMs + 4 * 3_600_000);
    }
  });
});
