import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Correction } from "../../schemas/index.ts";
import { CROSSING_GAP_MS } from "./course.ts";
import { cleanReads, correction, EXAMPLE_RACE, entrant, read } from "./example-race.ts";
import { judge, type ReceivedRead } from "./runner.ts";

const race = EXAMPLE_RACE;
const gunRace = { ...EXAMPLE_RACE, rankBy: "gun" as const };

const view = (reads: readonly ReceivedRead[], corrections: readonly Correction[] = [], of = race) =>
  judge(of, "7", entrant("7"), reads, corrections);
/** `mat fate` of each read, and the reason where it does not count. */
const fates = (reads: readonly ReceivedRead[], corrections: readonly Correction[] = []) =>
  view(reads, corrections).reads.map(({ mat, fate, reason }) =>
    reason === "" ? `${mat} ${fate}` : `${mat} ${fate}: ${reason}`,
  );
/** Net seconds by mat, `-` where nothing counts. */
const net = (reads: readonly ReceivedRead[], corrections: readonly Correction[] = []) =>
  view(reads, corrections).splits.map((split) =>
    split === undefined ? "-" : split.netMs === null ? null : split.netMs / 1000,
  );

const clean = cleanReads("7");
const at = (mat: string) => clean.find((one) => one.mat === mat)!;
const without = (...mats: string[]) => clean.filter((one) => !mats.includes(one.mat));

test("a clean race: net from the own start, gun from the gun, nothing projected any more", () => {
  const { splits, status, projectedMs, expectedMs } = view(clean);
  expect(splits.map((split) => [split!.netMs! / 1000, split!.gunMs / 1000])).toEqual([
    [0, 60],
    [3000, 3060],
    [6329, 6389],
    [9000, 9060],
    [12659, 12719],
  ]);
  expect([status, projectedMs, expectedMs]).toEqual(["finished", null, null]);
});

describe("reads as they really come:", () => {
  test("the first read of a mat counts, later ones are repeated, the same again too", () => {
    expect(fates([...clean, read("7", "10k", 3062), read("7", "10k", 3060, "zz")]).slice(5)).toEqual([
      "10k repeated: 10k was crossed at 10:51:00, the first read counts",
      "10k repeated: the same read again",
    ]);
  });
  test("a mat nobody knows", () => {
    expect(fates([read("7", "15k", 4000)])).toEqual(["15k questionable: the race has no such mat"]);
  });
  test("a missing mat costs nothing", () => {
    expect(net(without("half"))).toEqual([0, 3000, "-", 9000, 12659]);
  });
  test("without a start there is gun time and no net time", () => {
    const noStart = view(without("start"));
    expect(noStart.splits.map((split) => split && [split.netMs, split.gunMs / 1000])).toEqual([
      undefined,
      [null, 3060],
      [null, 6389],
      [null, 9060],
      [null, 12719],
    ]);
    expect(view(without("start", "finish")).projectedMs).toBeNull();
    expect(view(without("start", "finish"), [], gunRace).projectedMs).toBeGreaterThan(12_000_000);
  });
  test("a read before the gun", () => {
    expect(fates([read("7", "start", -600), ...clean])[0]).toBe("start questionable: 10:00 before the gun");
    expect(net([read("7", "start", -600), ...clean])).toEqual(net(clean));
    expect(view([read("7", "start", -1)]).status).toBe("running");
  });
  test("a read before the own start", () => {
    const late = cleanReads("7", 300, 4000);
    expect(fates([...late.slice(0, 3), read("7", "10k", 3500)])[3]).toBe(
      "10k questionable: before the runner's own start",
    );
  });
  test("a stray read at the finish does not cost the later true splits, nor the true finish", () => {
    const stray = read("7", "finish", 1260);
    expect(fates([...clean.slice(0, 1), stray])[1]).toBe(
      "finish questionable: 42.2 km in 21:00 from the gun: impossible pace",
    );
    expect(net([stray, ...clean])).toEqual(net(clean));
    // Late starters: possible since the gun, not since their own start.
    const late = cleanReads("7", 300, 5400);
    const early = read("7", "finish", 6600);
    expect(fates([...late.slice(0, 1), early])[1]).toBe(
      "finish questionable: start to finish, 42.2 km in 20:00: impossible pace",
    );
    expect(net([early, ...late])).toEqual(net(late));
  });
  test("a bad read in between does not cost those after it", () => {
    expect(net([...without("half"), read("7", "half", 11_000)])).toEqual([0, 3000, "-", 9000, 12659]);
    expect(fates([...without("half"), read("7", "half", 3200)])[4]).toBe(
      "half questionable: 10k to half, 11.1 km in 2:20: impossible pace",
    );
  });
  test("of two that contradict each other the one goes that would need the more extraordinary runner", () => {
    expect(fates([at("start"), read("7", "10k", 3060), read("7", "half", 3000)])).toEqual([
      "start counted",
      "10k counted",
      "half questionable: half before 10k: out of sequence",
    ]);
  });
  test("a split read after the finish does not cost the finish", () => {
    expect(fates([...without("30k"), read("7", "30k", 12_900)])[4]).toBe(
      "30k questionable: 30k after finish: out of sequence",
    );
  });
  test("walking back over the start mat is no start", () => {
    expect(net([...without("start"), read("7", "start", 14_000)])).toEqual(["-", null, null, null, null]);
  });
  test("an unknown bib counts nothing until its entrant is there", () => {
    const unknown = judge(race, "7", undefined, clean, []);
    expect(new Set(unknown.reads.map(({ fate }) => fate))).toEqual(new Set(["unknown_bib"]));
    expect(unknown.splits.every((split) => split === undefined)).toBe(true);
  });
  test("a wheelchair is as fast as that, all the way or by its name; one leg of a runner is not", () => {
    const rolled = cleanReads("7", 120);
    expect(view(rolled).splits.every((split) => split !== undefined)).toBe(true);
    const named = judge(race, "W1", entrant("W1"), [read("W1", "start", 0), read("W1", "10k", 1100)], []);
    expect(named.splits[1]?.netMs).toBe(1_100_000);
    expect(fates([read("7", "start", 0), read("7", "10k", 1100)])[1]).toMatch(
      /10k questionable: 10 km in 18:20/,
    );
  });
});

describe("corrections:", () => {
  test("a voided first read lets the second count", () => {
    const second = read("7", "10k", 3070);
    const voided = correction("7", "void", { mat: "10k", reason: "a volunteer's tag" });
    expect(net([...clean, second], [voided])).toEqual([0, 3010, 6329, 9000, 12659]);
    expect(fates([...clean, second], [voided])[1]).toBe("10k voided: a volunteer's tag");
  });
  test("an added time counts and sets aside what contradicts it", () => {
    const added = correction("7", "add", { mat: "30k", timeMs: race.gunMs + 9_100_000 });
    expect(net(without("30k"), [added])).toEqual([0, 3000, 6329, 9040, 12659]);
    const slow = correction("7", "add", { mat: "finish", timeMs: race.gunMs + 10_500_000 });
    expect(net(clean, [slow])).toEqual([0, 3000, 6329, "-", 10_440]);
    expect(view(clean, [slow]).reads.at(-1)).toMatchObject({ id: `correction:${slow.id}`, fate: "counted" });
  });
  test("a changed start changes every net time", () => {
    const changed = correction("7", "change", { read: at("start").id, timeMs: race.gunMs + 30_000 });
    expect(net(clean, [changed])).toEqual([0, 3030, 6359, 9030, 12689]);
  });
  test("the last time an official entered at a mat stands", () => {
    const first = correction("7", "add", { mat: "finish", timeMs: race.gunMs + 12_000_000 });
    const second = correction("7", "change", { mat: "finish", timeMs: race.gunMs + 13_000_000 });
    const third = correction("7", "add", { mat: "finish", timeMs: race.gunMs + 12_500_000 });
    for (const order of [
      [first, second, third],
      [third, first, second],
    ])
      expect(net(clean, order)[4]).toBe(12_440);
  });
  test("disqualified and reinstated, in the order entered", () => {
    const out = correction("7", "disqualify");
    const back = correction("7", "reinstate");
    expect(view(clean, [out]).status).toBe("dsq");
    expect(view(clean, [out]).splits[4]?.netMs).toBe(12_659_000);
    expect(view(clean, [back, out]).status).toBe("finished");
  });
  test("what matches nothing is refused, and applies once it does", () => {
    const cases = [
      correction("7", "void", { read: "nobody" }),
      correction("7", "void", { mat: "half" }),
      correction("7", "void"),
      correction("7", "add", { mat: "15k", timeMs: 1 }),
      correction("7", "add", { mat: "10k" }),
      correction("7", "change", { mat: "10k" }),
      correction("7", "reinstate"),
    ];
    expect(view(without("half"), cases).corrections.map(({ refusal }) => refusal)).toEqual([
      "the runner has no read nobody",
      "no read counts at half",
      "it names neither a read nor a mat",
      "the race has no mat 15k",
      "it gives no time",
      "it gives no time",
      "the runner is not disqualified",
    ]);
    expect(view(clean, [cases[1]!]).corrections[0]?.refusal).toBe("");
  });
});

test("the finish is projected by Riegel's law, and the next mat expected", () => {
  const { projectedMs, expectedMs, status } = view(clean.slice(0, 3));
  expect(status).toBe("running");
  expect(projectedMs).toBe(Math.round(6_329_000 * 2 ** 1.06));
  expect(expectedMs! - at("half").timeMs).toBe(Math.round(6_329_000 * ((30_000 / 21_097.5) ** 1.06 - 1)));
  expect(view(clean.slice(0, 3), [], gunRace).projectedMs).toBe(60_000 + Math.round(6_329_000 * 2 ** 1.06));
});

test("whatever the order of reads and corrections, the judgement is the same, and each read has one fate", () => {
  const anyRead = fc
    .record({
      mat: fc.constantFrom("start", "10k", "half", "30k", "finish", "15k"),
      second: fc.integer({ min: -100, max: 15_000 }),
      id: fc.nat(999),
    })
    .map(({ mat, second, id }) => read("7", mat, second, `r${id}`));
  const anyCorrection = fc
    .record({
      kind: fc.constantFrom<Correction["kind"]>("void", "add", "change", "disqualify", "reinstate"),
      mat: fc.constantFrom(null, "start", "10k", "half", "30k", "finish"),
      read: fc.oneof(
        fc.constant(null),
        fc.nat(999).map((id) => `r${id}`),
      ),
      second: fc.integer({ min: 0, max: 15_000 }),
      enteredMs: fc.nat(3),
      id: fc.nat(99),
    })
    .map(({ second, id, ...fields }) => ({
      ...correction("7", fields.kind, fields),
      id: `c${id}`,
      timeMs: race.gunMs + second * 1000,
    }));
  const input = fc.record({
    reads: fc.uniqueArray(fc.oneof(anyRead, fc.constantFrom(...clean)), {
      selector: ({ id }) => id,
      maxLength: 14,
    }),
    corrections: fc.uniqueArray(anyCorrection, { selector: ({ id }) => id, maxLength: 4 }),
  });
  const sorted = <T extends { id: string }>(list: readonly T[]) =>
    [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
  fc.assert(
    fc.property(
      input.chain(({ reads, corrections }) =>
        fc.record({
          reads: fc.constant(reads),
          corrections: fc.constant(corrections),
          mixedReads: fc.shuffledSubarray(reads, { minLength: reads.length }),
          mixedCorrections: fc.shuffledSubarray(corrections, { minLength: corrections.length }),
        }),
      ),
      ({ reads, corrections, mixedReads, mixedCorrections }) => {
        const one = view(reads, corrections);
        const other = view(mixedReads, mixedCorrections);
        expect({ ...other, reads: sorted(other.reads) }).toEqual({ ...one, reads: sorted(one.reads) });
        const counted = one.reads.filter(({ fate }) => fate === "counted");
        expect(counted.length).toBe(one.splits.filter((split) => split !== undefined).length);
        expect(one.reads.every(({ fate, reason }) => (fate === "counted") === (reason === ""))).toBe(true);
        const times = one.splits.filter((split) => split !== undefined).map((split) => split.gunMs);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      },
    ),
    { numRuns: 3000 },
  );
});

test("mess around a clean race changes none of its times", () => {
  const mess = fc.array(
    fc.oneof(
      // The same tag again, seconds later; the same read sent twice.
      fc
        .record({ of: fc.constantFrom(...clean), laterMs: fc.integer({ min: 0, max: 20_000 }) })
        // Later than that the start has been crossed again.
        .map(({ of, laterMs }) => ({
          ...of,
          timeMs: of.timeMs + (of.mat === "start" ? laterMs % CROSSING_GAP_MS : laterMs),
        })),
      // A mat that does not exist, a read before the gun.
      fc.nat(12_000).map((second) => read("7", "15k", second)),
      fc.integer({ min: -20_000, max: -31 }).map((second) => read("7", "finish", second)),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(
      mess.chain((extra) => {
        const all = [...clean, ...extra.map((one, index) => ({ ...one, id: `${one.id}-mess-${index}` }))];
        return fc.shuffledSubarray(all, { minLength: all.length });
      }),
      (reads) => {
        expect(view(reads).splits).toEqual(view(clean).splits);
      },
    ),
    { numRuns: 1000 },
  );
});

test("ten thousand reads of a tag left on a mat are judged in time", () => {
  const stuck = Array.from({ length: 10_000 }, (_, index) =>
    read("7", "30k", 1000 + index, `stuck-${index}`),
  );
  const began = performance.now();
  // The first of them that the runner can have been there for counts: nothing tells it from the true one.
  expect(net([...clean, ...stuck])).toEqual([0, 3000, 6329, expect.any(Number), 12_659]);
  // A tenth of a second; a minute if each read were held against each other.
  expect(performance.now() - began).toBeLessThan(10_000);
});
