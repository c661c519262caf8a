import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Entrant, Race } from "../../schemas/index.ts";
import { judge, type ReceivedRead } from "./runner.ts";
import { diff } from "./runner-diff.ts";
import { nextRead, smoothRunOf } from "./smooth-run.ts";

const race: Race = {
  id: "sample",
  name: "Sample",
  date: "2026-01-01",
  timezone: "UTC",
  gunMs: 36_000_000,
  rankBy: "net",
  distanceM: 15_000,
  mats: ["start", "5k", "10k", "finish"].map((id, index) => ({ id, distanceM: index * 5_000 })),
  overdueAfterMs: 600_000,
  dnfAfterMs: 3_600_000,
};
const entrant: Entrant = { race: "sample", bib: "1", gender: "F", division: "40-44", country: "KEN" };

/** Mostly a run as it should be; now and then a read that is repeated, early, late, impossible or of no mat. */
const reads = fc
  .array(
    fc.record({
      mat: fc.constantFrom("start", "5k", "10k", "finish", "nowhere"),
      offMs: fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 0, max: 600_000 }) },
        fc.integer({ min: -3_000_000, max: 9_000_000 }),
      ),
      delayMs: fc.constantFrom(0, 0, 0, 900_000),
    }),
    { maxLength: 8 },
  )
  .map((drawn) => {
    const at = (mat: string) =>
      Math.max(
        0,
        race.mats.findIndex(({ id }) => id === mat),
      );
    return drawn
      .map(({ mat, offMs, delayMs }, index): ReceivedRead => {
        const timeMs = race.gunMs + 30_000 + at(mat) * 1_500_000 + offMs;
        return { id: String(index), bib: "1", mat, timeMs, receivedMs: timeMs + delayMs };
      })
      .sort((a, b) => a.receivedMs - b.receivedMs);
  });

describe("a smooth run's next read", () => {
  it("says what judging all reads before and after it says", () => {
    let cheap = 0;
    fc.assert(
      fc.property(
        reads,
        fc.constantFrom<Race["rankBy"]>("net", "gun"),
        fc.constantFrom("40-44", "wheelchair"),
        (all, rankBy, division) => {
          const thisRace = { ...race, rankBy };
          const who = { ...entrant, division };
          let run = smoothRunOf(judge(thisRace, "1", who, [], []));
          for (const [index, read] of all.entries()) {
            const before = judge(thisRace, "1", who, all.slice(0, index), []);
            const after = judge(thisRace, "1", who, all.slice(0, index + 1), []);
            const judged = diff(before, after);
            const next = run && nextRead(thisRace, run, read);
            if (next) {
              cheap++;
              expect(judged.passings).toEqual([next.passing]);
              expect(judged.update).toEqual(next.update);
              expect(smoothRunOf(after)).toEqual({ ...next.run, last: { ...next.run.last, id: "" } });
            }
            run = next?.run ?? smoothRunOf(after);
          }
        },
      ),
      { numRuns: 2_000 },
    );
    // Most reads of such runs take the cheap way: otherwise this test has shown nothing.
    expect(cheap).toBeGreaterThan(1_000);
  });
});
