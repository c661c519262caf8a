import { describe, expect, test } from "vitest";
import { JobHarness } from "../runtime/testing/job-harness.ts";
import {
  Correction,
  CorrectionOutcome,
  Entrant,
  Finish,
  PassingOutcome,
  Race,
  Standing,
  TimingMessage,
} from "../schemas/index.ts";
import { cleanReads, correction, EXAMPLE_RACE, entrant, read } from "./lib/example-race.ts";
import { clockTick } from "./lib/race-step.ts";
import type { ReceivedRead } from "./lib/runner.ts";
import leaderboard from "./marathon-leaderboard.ts";

const race = EXAMPLE_RACE;
const PARTITIONS = 2;

class Event {
  readonly harness = new JobHarness(leaderboard, { partitions: PARTITIONS });
  race(of = race): void {
    this.harness.send("races", Race, of.id, of);
  }
  entrants(...bibs: string[]): void {
    for (const bib of bibs) this.harness.send("entrants", Entrant, `${race.id}/${bib}`, entrant(bib));
  }
  reads(...reads: ReceivedRead[]): void {
    for (const { receivedMs, ...one } of reads) {
      this.harness.send("passings", TimingMessage, `${race.id}/${one.bib}`, {
        race: race.id,
        receivedMs,
        read: one,
      });
    }
  }
  correct(one: Correction): void {
    this.harness.send("corrections", Correction, `${race.id}/${one.bib}`, one);
  }
  /** A heartbeat to every partition, `seconds` after the gun. */
  beat(seconds: number, of = race): void {
    // Keys that land in the partitions 0 and 1; the job must not mind them.
    for (const key of ["a", "b", "c", "d"]) {
      this.harness.send("passings", TimingMessage, key, {
        race: of.id,
        receivedMs: of.gunMs + seconds * 1000,
        read: null,
      });
    }
  }
  run(): void {
    this.harness.run();
  }
  /** The last row of each mat and bib. */
  standings(): Map<string, Standing> {
    return new Map(this.harness.output("standings", Standing).map((row) => [`${row.bib} ${row.mat}`, row]));
  }
  status(bib: string): string | undefined {
    return this.harness.output("standings", Standing).findLast((row) => row.bib === bib)?.status;
  }
  outcomes(): string[] {
    const last = new Map(
      this.harness.output("passing-outcomes", PassingOutcome).map((one) => [one.id, one.fate]),
    );
    return [...last].map(([id, fate]) => `${id} ${fate}`).sort();
  }
}

function event(...bibs: string[]): Event {
  const begun = new Event();
  begun.race();
  begun.entrants(...bibs);
  begun.run();
  return begun;
}

test("reads become places, at every mat and in every group", () => {
  const it = event("1", "2", "3");
  it.reads(...cleanReads("1", 300), ...cleanReads("2", 290), ...cleanReads("3", 310, 30).slice(0, 3));
  it.run();
  const rows = it.standings();
  expect(rows.get("2 finish")).toMatchObject({
    status: "finished",
    netS: 12237,
    gunS: 12297,
    rankS: 12237,
    place: 1,
    placeGender: 1,
    placeDivision: 1,
  });
  expect(rows.get("3 half")).toMatchObject({
    status: "running",
    netS: 6540,
    placeDivision: 3,
    passedDivision: 3,
    gapAheadS: 211,
    gapLeaderS: 422,
  });
  expect(rows.get("3 half")!.projectedS).toBeGreaterThan(13_000);
  expect(rows.get("3 half")!.paceSPerKm).toBeCloseTo(310, 1);
  expect(it.harness.deadLetters()).toEqual([]);
});

test("a restart in the middle changes nothing in what follows", () => {
  const [steady, restarted] = [event("1", "2"), event("1", "2")];
  for (const it of [steady, restarted]) {
    it.reads(...cleanReads("1", 300).slice(0, 3), ...cleanReads("2", 290).slice(0, 4));
    it.run();
    if (it === restarted) it.harness.restart();
    it.reads(...cleanReads("1", 300).slice(2), ...cleanReads("2", 290).slice(3));
    it.correct({ ...correction("1", "void", { mat: "half" }), id: "void", enteredMs: 1 });
    it.run();
  }
  expect(restarted.harness.output("standings", Standing)).toEqual(
    steady.harness.output("standings", Standing),
  );
  expect(restarted.harness.output("passing-outcomes", PassingOutcome)).toEqual(
    steady.harness.output("passing-outcomes", PassingOutcome),
  );
});

test("who has only crossed the start has no place yet, and who has passed the first mat has one", () => {
  const it = event("1", "2", "3");
  it.reads(...["1", "2", "3"].map((bib, i) => read(bib, "start", 10 * i)), read("2", "10k", 3000));
  it.run();
  const rows = it.standings();
  for (const bib of ["1", "2", "3"])
    expect(rows.get(`${bib} start`)).toMatchObject({
      place: null,
      placeGender: null,
      placeDivision: null,
      passed: expect.any(Number),
      gapLeaderS: null,
      gapAheadS: null,
    });
  expect(rows.get("2 10k")).toMatchObject({ place: 1, passed: 1 });
});

describe("a clock that is a day ahead,", () => {
  const DAY_MS = 86_400_000;
  const playWith = (...wrong: ReceivedRead[]) => {
    const it = event("1", "2", "3", "4");
    for (const bib of ["1", "2", "3", "4"]) it.reads(read(bib, "start", 60));
    it.run();
    for (const bib of ["1", "2", "3", "4"]) it.reads(read(bib, "10k", 3060));
    it.run();
    it.reads(...wrong);
    it.run();
    it.reads(read("1", "half", 6390), read("2", "half", 6400));
    it.run();
    return it;
  };
  const said = (it: Event) =>
    ["1", "2", "4"].map((bib) =>
      it.harness.output("standings", Standing).flatMap((row) => (row.bib === bib ? [row.status] : [])),
    );
  const ahead = (one: ReceivedRead): ReceivedRead => ({
    ...one,
    id: `${one.id}-ahead`,
    timeMs: one.timeMs + DAY_MS,
    receivedMs: one.receivedMs + DAY_MS,
  });
  test.each([
    ["of whoever stamps a repeated read", [{ ...read("3", "10k", 3061), receivedMs: race.gunMs + DAY_MS }]],
    ["of whoever stamps the next read", [{ ...read("3", "half", 6300), receivedMs: race.gunMs + DAY_MS }]],
    ["of a mat, which reads one", [ahead(read("3", "half", 6300))]],
    ["of a mat, which reads two", [ahead(read("3", "half", 6300)), ahead(read("4", "half", 6310))]],
  ])("%s, calls nobody else late", (_, wrong) => {
    const it = playWith(...wrong);
    for (const statuses of said(it).slice(0, 2))
      expect(new Set(statuses)).toEqual(new Set(["registered", "running"]));
    expect(it.harness.deadLetters()).toEqual([]);
  });
});

test("after the heartbeat that ends a race everybody is late since they came to be so, not since then", () => {
  const it = event("1", "2");
  it.reads(...cleanReads("1"), ...cleanReads("2").slice(0, 2));
  it.run();
  it.beat(3 * 86_400);
  it.run();
  const last = it.harness.output("standings", Standing).at(-1)!;
  expect([last.bib, last.status]).toEqual(["2", "dnf"]);
  expect(last.asOfS).toBeLessThan((race.gunMs + 7_000_000 + race.dnfAfterMs) / 1000);
});

test("who is taken off the start list, by a null value, has no times, and everybody else keeps theirs", () => {
  const it = event("1", "2");
  it.reads(...cleanReads("1", 290), ...cleanReads("2"));
  it.run();
  it.harness.sendBytes("entrants", `${race.id}/1`, null);
  it.run();
  expect(it.harness.deadLetters()).toEqual([]);
  expect(it.standings().get("1 finish")).toMatchObject({ counted: false, place: null });
  expect(it.status("1")).toBe("registered");
  expect(it.outcomes().filter((one) => one.endsWith("unknown_bib"))).toHaveLength(5);
  it.correct({ ...correction("2", "void", { mat: "half" }), id: "void" });
  it.run();
  expect(it.standings().get("2 30k")).toMatchObject({ place: 1 });
});

test("an official's time that nobody can have run is refused: a night race's 00:12:33 is not before its gun", () => {
  const it = event("1", "2");
  it.reads(...cleanReads("1"), ...cleanReads("2").slice(0, 4));
  for (const [id, timeMs] of [
    ["night", 753_000],
    ["fast", race.gunMs + 4_000_000],
  ] as const)
    it.correct({ ...correction("2", "add", { mat: "finish", timeMs }), id });
  it.run();
  const outcomes = it.harness.output("correction-outcomes", CorrectionOutcome);
  expect(outcomes.map(({ refusal }) => refusal)).toEqual([
    "00:12:33 cannot be: 9:47:27 before the gun",
    "11:06:40 cannot be: 42.2 km in 1:06:40 from the gun: impossible pace",
  ]);
  expect(it.standings().get("1 finish")).toMatchObject({ place: 1 });
});

test("who comes in is told, and who has not after all", () => {
  const it = event("1", "2");
  it.reads(...cleanReads("1"), ...cleanReads("2").slice(0, 4));
  it.run();
  const told = () => it.harness.output("finishes", Finish).map(({ bib, gunMs }) => [bib, gunMs]);
  expect(told()).toEqual([["1", 12_719_000]]);
  it.correct({ ...correction("1", "change", { mat: "finish", timeMs: race.gunMs + 12_800_000 }), id: "a" });
  it.run();
  it.correct({ ...correction("1", "void", { mat: "finish" }), id: "b", enteredMs: 9e12 });
  it.run();
  expect(told().slice(1)).toEqual([
    ["1", 12_800_000],
    ["1", null],
  ]);
});

test("a bib is whatever an organiser prints", () => {
  const bibs = ["A/1", "50%", "#7", "ü 5", "007", "7", "?q=1", "..", "1.5"];
  const it = event(...bibs);
  it.reads(...bibs.flatMap((bib, i) => cleanReads(bib, 300 + i)));
  it.run();
  const rows = it.standings();
  expect(bibs.map((bib) => rows.get(`${bib} finish`)?.gunS)).toEqual(
    bibs.map((_, i) => Math.round(60 + 42.195 * (300 + i))),
  );
  expect(it.harness.deadLetters()).toEqual([]);
});

describe("what reads are not on the start list:", () => {
  test("an unknown bib goes to its own output, and counts once its entrant comes", () => {
    const it = event("1");
    it.reads(...cleanReads("9").slice(0, 1));
    it.run();
    expect(it.outcomes()).toEqual([]);
    it.harness.advance(1000);
    it.reads(...cleanReads("9").slice(1, 2));
    it.run();
    expect(it.outcomes()).toEqual(["9-10k-3060 unknown_bib", "9-start-60 unknown_bib"]);
    expect(it.harness.output("unknown-bibs", PassingOutcome).length).toBe(2);
    it.entrants("9");
    it.run();
    expect(it.outcomes()).toEqual(["9-10k-3060 counted", "9-start-60 counted"]);
    expect(it.standings().get("9 10k")).toMatchObject({ place: 1, netS: 3000 });
  });
  test("reads seen before the start list are not called unknown", () => {
    const it = new Event();
    it.race();
    it.reads(...cleanReads("1"));
    it.run();
    it.entrants("1");
    it.run();
    it.harness.advance(5000);
    expect(it.harness.output("unknown-bibs", PassingOutcome)).toEqual([]);
    expect(it.harness.output("passing-outcomes", PassingOutcome).map(({ fate }) => fate)).toEqual(
      Array(5).fill("counted"),
    );
  });
  test("everything waits for the race's own record", () => {
    const it = new Event();
    it.entrants("1", "2");
    it.reads(...cleanReads("1"), ...cleanReads("2", 290));
    it.run();
    expect(it.harness.output("standings", Standing)).toEqual([]);
    it.race();
    it.harness.advance(5000);
    expect(it.standings().get("1 finish")).toMatchObject({ place: 2, passed: 2 });
    expect(it.harness.deadLetters()).toEqual([]);
  });
});

describe("corrections:", () => {
  test("a disqualified winner leaves all places, and comes back", () => {
    const it = event("1", "2");
    it.reads(...cleanReads("1", 300), ...cleanReads("2", 290));
    it.correct(correction("2", "disqualify"));
    it.run();
    expect(it.standings().get("2 finish")).toMatchObject({
      status: "dsq",
      counted: true,
      netS: 12237,
      rankS: null,
      place: null,
    });
    it.correct(correction("2", "reinstate"));
    it.correct(correction("2", "reinstate"));
    it.run();
    expect(it.standings().get("2 finish")).toMatchObject({ status: "finished", place: 1 });
    const verdicts = it.harness.output("correction-outcomes", CorrectionOutcome);
    expect(verdicts.map(({ kind, applied, refusal }) => [kind, applied, refusal])).toEqual([
      ["disqualify", true, ""],
      ["reinstate", true, ""],
      ["reinstate", false, "the runner is not disqualified"],
    ]);
  });
  test("a voided split is taken back, and the leg after it is measured anew", () => {
    const it = event("1");
    it.reads(...cleanReads("1"));
    it.correct(correction("1", "void", { mat: "half" }));
    it.run();
    expect(it.standings().get("1 half")).toMatchObject({ counted: false, place: null, netS: null });
    expect(it.standings().get("1 30k")!.legPaceSPerKm).toBeCloseTo(300, 1);
    expect(it.outcomes()).toContain("1-half-6389 voided");
  });
});

test("a message delivered twice, whatever its content then, changes nothing", () => {
  const it = event("1");
  it.reads(...cleanReads("1"));
  it.run();
  const before = it.harness.output("standings", Standing).length;
  it.reads(...cleanReads("1"), { ...read("1", "finish", 9000), id: cleanReads("1")[4]!.id });
  it.run();
  expect(it.harness.output("standings", Standing).length).toBe(before);
});

describe("the race's clock:", () => {
  const begun = () => {
    const it = event("1", "2");
    it.reads(...cleanReads("1").slice(0, 3), ...cleanReads("2").slice(0, 3));
    it.run();
    return it;
  };
  test("whoever does not come is overdue, then DNF, and back when a read comes after all", () => {
    const it = begun();
    it.beat(6389 + 2700 + 1000);
    it.run();
    expect(it.status("1")).toBe("running");
    it.beat(6389 + 2900 + 1800);
    it.run();
    expect(it.status("1")).toBe("overdue");
    it.beat(6389 + 2900 + 7200);
    it.run();
    expect(it.status("1")).toBe("dnf");
    expect(it.standings().get("1 ")).toMatchObject({ status: "dnf", counted: false, projectedS: null });
    it.reads(read("1", "30k", 17_000));
    it.run();
    expect(it.status("1")).toBe("running");
    expect(it.status("2")).toBe("dnf");
  });
  test("a restart forgets nobody who is due", () => {
    const it = begun();
    it.harness.restart();
    it.beat(6389 + 2900 + 7200);
    it.run();
    expect([it.status("1"), it.status("2")]).toEqual(["dnf", "dnf"]);
  });
  test("another race at a later hour, begun or ended, makes nobody late", () => {
    const it = event("1");
    const night = { ...race, id: "night" };
    it.race(night);
    it.beat(200_000, night);
    it.reads(...cleanReads("1").slice(0, 3));
    it.run();
    expect(it.status("1")).toBe("running");
    it.beat(6389 + 2900 + 1800);
    it.run();
    expect(it.status("1")).toBe("overdue");
  });
  test("a clock tick names no runner", () => {
    expect(clockTick("r", 5)).toMatchObject({ race: "r", bib: "", asOfMs: 5, splits: [] });
  });
});
