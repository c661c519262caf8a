import { describe, expect, test } from "vitest";
import { hours, minutes, seconds } from "../runtime/index.ts";
import { type HarnessOptions, JobHarness } from "../runtime/testing/index.ts";
import { Alert, AlertAcknowledgement, Finish, HealthRules, Profile, Race, Upload } from "../schemas/index.ts";
import healthAlerts from "./health-alerts.ts";
import { EXAMPLE_RACE } from "./lib/example-race.ts";
import { DEFAULT_RULES } from "./lib/health/default-rules.ts";
import { readings, T0, uploads } from "./lib/health/example-uploads.ts";

const RUNNER = "example/1";

class People {
  readonly harness: JobHarness;
  constructor(options: HarnessOptions = {}) {
    this.harness = new JobHarness(healthAlerts, { partitions: 2, nowMs: T0, ...options });
  }
  send(...all: readonly Upload[]): this {
    for (const upload of all) this.harness.send("uploads", Upload, upload.participant, upload);
    this.harness.run();
    return this;
  }
  /** All is quiet, so that the last uploads are judged; shorter than any signal is lost. */
  settle(): this {
    this.harness.advance(seconds(30));
    return this;
  }
  rules(fields: Partial<HealthRules>): this {
    const rules = { ...DEFAULT_RULES, ...fields };
    this.harness.send("health-rules", HealthRules, rules.event, rules);
    this.harness.run();
    return this;
  }
  limit(hrLimit: number, fromMs = 0): this {
    this.harness.send("profiles", Profile, RUNNER, { participant: RUNNER, fromMs, hrLimit });
    this.harness.run();
    return this;
  }
  acknowledge(id: string, by = "medic-1", atMs = T0 + minutes(4)): this {
    const acknowledgement = { id, participant: RUNNER, by, atMs, note: `seen by ${by}` };
    this.harness.send("alert-acknowledgements", AlertAcknowledgement, RUNNER, acknowledgement);
    this.harness.run();
    return this;
  }
  alerts(): Alert[] {
    return this.harness.output("alerts", Alert);
  }
  /** Kind, state and second of each transition. */
  said(): string[] {
    return this.alerts().map(({ kind, state, atMs }) => `${kind} ${state} ${(atMs - T0) / 1000}`);
  }
}

const fast = (from: number, until: number) => (second: number) =>
  second >= from && second < until ? { hr: 176 + (second % 5) } : {};

test("a heart rate above the limit of the profile is raised, escalated and cleared, with the readings that prove it", () => {
  const people = new People()
    .limit(170)
    .send(...uploads(readings(0, 600, fast(100, 500))))
    .settle();
  expect(people.said()).toEqual([
    "high_heart_rate raised 220",
    "high_heart_rate escalated 400",
    "high_heart_rate cleared 530",
  ]);
  const [raised] = people.alerts();
  expect(raised).toMatchObject({
    id: `${RUNNER}/high_heart_rate/${T0 + seconds(100)}`,
    participant: RUNNER,
    event: "example",
    device: "d1",
    value: 180,
    limit: 170,
    rules: 0,
    distanceM: 660,
    acknowledgedBy: null,
    readings: 121,
  });
  expect(raised!.evidence.length).toBeGreaterThan(5);
  expect(raised!.evidence.length).toBeLessThanOrEqual(12);
  expect(raised!.evidence[0]!.tsMs).toBe(T0 + seconds(100));
  expect(raised!.evidence.at(-1)!.tsMs).toBe(T0 + seconds(220));
  expect(new Set(people.alerts().map(({ id }) => id)).size).toBe(1);
  expect(people.harness.deadLetters()).toEqual([]);
});

test("the limit is the profile's as of the readings' time, else that of the event's rules, whose version is told", () => {
  const all = uploads(readings(0, 600, fast(100, 500)));
  expect(
    new People()
      .limit(170)
      .limit(210, T0)
      .send(...all)
      .settle()
      .said(),
  ).toEqual([]);
  const byRules = new People()
    .rules({ hrLimit: 210 })
    .rules({ event: "example", hrLimit: 170, escalateAfterMs: minutes(60) })
    .send(...all)
    .settle();
  expect(byRules.said()).toEqual(["high_heart_rate raised 220", "high_heart_rate cleared 530"]);
  expect(byRules.alerts()[0]).toMatchObject({ rules: 2, limit: 170 });
});

test("rules that change at a moment hold from the reading of that moment on", () => {
  const people = new People()
    .rules({ hrLimit: 170 })
    .rules({ hrLimit: 210, fromMs: T0 + seconds(150) })
    .send(...uploads(readings(0, 600, fast(100, 500))))
    .settle();
  expect(people.said()).toEqual([]);
});

test("an acknowledged alert does not escalate, and says who took it on until it is cleared", () => {
  const all = uploads(readings(0, 600, fast(100, 500)));
  const id = `${RUNNER}/high_heart_rate/${T0 + seconds(100)}`;
  const people = new People().limit(170).send(...all.slice(0, 25));
  people.acknowledge(id).acknowledge(id, "medic-2");
  people.send(...all.slice(25)).settle();
  expect(people.said()).toEqual([
    "high_heart_rate raised 220",
    "high_heart_rate acknowledged 240",
    "high_heart_rate cleared 530",
  ]);
  expect(people.alerts().at(-1)).toMatchObject({
    acknowledgedBy: "medic-1",
    acknowledgedMs: T0 + minutes(4),
    acknowledgedNote: "seen by medic-1",
    limit: 170,
  });
  people.acknowledge(id, "medic-3");
  expect(people.alerts()).toHaveLength(3);
});

test("an acknowledgement that is read before its alert waits for it, also through a restart", () => {
  const id = `${RUNNER}/high_heart_rate/${T0 + seconds(100)}`;
  const people = new People().limit(170).acknowledge(id);
  people.harness.restart();
  people.send(...uploads(readings(0, 600, fast(100, 500)))).settle();
  expect(people.said()).toEqual([
    "high_heart_rate raised 220",
    "high_heart_rate acknowledged 240",
    "high_heart_rate cleared 530",
  ]);
});

test("uploads that come twice, or out of order, or cut otherwise, make no difference", () => {
  const all = readings(0, 600, fast(100, 500));
  const plain = new People()
    .limit(170)
    .send(...uploads(all))
    .settle();
  const swapped = uploads(all, 2);
  for (let i = 1; i + 1 < swapped.length; i += 3)
    [swapped[i], swapped[i + 1]] = [swapped[i + 1]!, swapped[i]!];
  const odd = new People()
    .limit(170)
    .send(...swapped.flatMap((upload) => [upload, upload]))
    .settle();
  expect(odd.alerts()).toEqual(plain.alerts());
  expect(odd.harness.output("late-uploads", Upload)).toEqual([]);
});

test("a device that was offline is judged by what it sends later, readings from before that are set apart", () => {
  const all = uploads(readings(0, 600, fast(100, 500)));
  const other = uploads(readings(0, 900), 10, { participant: "example/2" });
  const people = new People().limit(170).send(...all.slice(0, 5), ...other);
  people
    .send(...all.slice(6))
    .send(all[5]!)
    .settle();
  expect(people.said().filter((said) => said.includes("raised"))).toEqual(["high_heart_rate raised 220"]);
  expect(people.harness.output("late-uploads", Upload)).toEqual([all[5]]);
});

test("a lost signal is raised by the clock, escalated, and cleared by the next reading", () => {
  const all = uploads(readings(0, 300));
  const people = new People().send(...all.slice(0, 10)).settle();
  people.harness.advance(minutes(1));
  expect(people.said()).toEqual([]);
  people.harness.restart();
  // A clock that runs, as clocks do: one that leaps means that we slept.
  for (let i = 0; i < 70; i++) people.harness.advance(seconds(1));
  expect(people.said()).toEqual(["lost_signal raised 219"]);
  for (let i = 0; i < 200; i++) people.harness.advance(seconds(1));
  expect(people.said()).toEqual(["lost_signal raised 219", "lost_signal escalated 399"]);
  people.harness.restart();
  people.send(...all.slice(10)).settle();
  expect(people.said().slice(2)).toEqual(["lost_signal cleared 109"]);
  expect(people.alerts()[0]!.evidence.map(({ tsMs }) => tsMs)).toEqual([T0 + seconds(99)]);
});

test("a program that slept reads what came meanwhile before it says that a signal is lost", () => {
  const all = uploads(readings(0, 300));
  const people = new People().send(...all.slice(0, 10)).settle();
  people.harness.advance(minutes(10));
  people.send(...all.slice(10)).settle();
  expect(people.said()).toEqual([]);
});

test("nobody is missed who has finished, nor in everyday life", () => {
  const finisher = new People().rules({ courseM: 600 }).send(...uploads(readings(0, 300)));
  const everyday = new People().send(...uploads(readings(0, 300), 10, { event: null } as never));
  for (const people of [finisher, everyday]) {
    for (let i = 0; i < 400; i++) people.harness.advance(seconds(1));
    expect(people.said()).toEqual([]);
  }
});

test.each([0, 255, null])(
  "a strap that says %s now and then is believed in what it says besides",
  (nothing) => {
    const people = new People().send(
      ...uploads(readings(0, 900, (second) => ({ hr: second % 15 === 14 ? nothing : 210 + (second % 5) }))),
    );
    expect(people.settle().said()[0]).toBe("high_heart_rate raised 120");
  },
);

test("a strap without contact says 0 all the time, which is no heart rate and no leap", () => {
  expect(
    new People()
      .send(...uploads(readings(0, 900, () => ({ hr: 0 }))))
      .settle()
      .said(),
  ).toEqual([]);
});

/** Somebody who lies still from `lyingS` on, whose watch says something else than where they are. */
const lying = (lyingS: number, watch: (trueM: number, second: number) => number) =>
  uploads(
    readings(0, 1000, (second) => ({
      distanceM: Math.fround(watch(40_000 + Math.min(second, lyingS) * 3, second)),
    })),
  );
const COURSE = { event: "example", courseM: 42_195 };

test.each<[string, (trueM: number, second: number) => number]>([
  ["is exact", (m) => m],
  ["measures 4 % too much", (m) => m * 1.04],
  ["leapt by 3 km", (m, second) => m + (second > 20 ? 3_000 : 0)],
  ["leapt by 11 000 km", (m, second) => Math.round(m) + (second > 20 ? 11_000_000 : 0)],
  ["leaps while they lie", (m, second) => m + (second > 300 ? 500 : 0)],
  ["measures 4 % too much and leapt by 5 km", (m, second) => m * 1.04 + (second > 20 ? 5_000 : 0)],
])("somebody who lies still before the finish is found, and missed, though the watch %s", (_, watch) => {
  const still = new People().rules(COURSE).send(...lying(200, watch));
  const since = still
    .settle()
    .alerts()
    .filter(({ kind, state }) => kind === "no_motion" && state === "raised")
    .map(({ sinceMs }) => (sinceMs - T0) / 1000);
  expect(since).toHaveLength(1);
  expect(since[0]).toBeGreaterThan(190);
  expect(since[0]).toBeLessThanOrEqual(200);
  const silent = new People().rules(COURSE).send(...lying(200, watch).slice(0, 20));
  for (let i = 0; i < 200; i++) silent.harness.advance(seconds(1));
  expect(silent.said()).toEqual(["lost_signal raised 319"]);
});

describe("whose watch says that the course is covered", () => {
  const race: Race = {
    ...EXAMPLE_RACE,
    date: new Date(T0).toISOString().slice(0, 10),
    gunMs: (T0 % 86_400_000) - hours(3),
  };
  /** Runs on to the finish at second 732, and stands there. */
  const there = lying(732, (m) => m);
  const finish = (people: People, gunMs: number | null) => {
    people.harness.send("races", Race, race.id, race);
    people.harness.send("finishes", Finish, RUNNER, { race: race.id, bib: "1", gunMs });
    people.harness.run();
    return people;
  };
  const cameIn = hours(3) + seconds(732);
  const lateOn = (people: People) => {
    for (let i = 0; i < 300; i++) people.harness.advance(seconds(1));
    return people.said();
  };

  test("may stand still and switch off once the timing says so", () => {
    const people = finish(new People().rules(COURSE), cameIn);
    expect(lateOn(people.send(...there))).toEqual([]);
  });
  test("is still looked for while it does not", () => {
    const said = lateOn(new People().rules(COURSE).send(...there));
    expect(said.map((line) => line.slice(0, line.lastIndexOf(" ")))).toEqual([
      "no_motion raised",
      "lost_signal raised",
    ]);
  });
  test("is found where they lay before they came in, though the timing is read first", () => {
    const lay = lying(100, (m) => m).slice(0, 50);
    const people = finish(new People().rules(COURSE), cameIn);
    expect(
      people
        .send(...lay)
        .settle()
        .said()[0],
    ).toMatch(/^no_motion raised/);
  });
  test("is not missed any more when the timing comes late", () => {
    const people = new People().rules(COURSE).send(...there.slice(0, 74));
    for (let i = 0; i < 150; i++) people.harness.advance(seconds(1));
    finish(people, cameIn);
    expect(lateOn(people)).toEqual(["lost_signal raised 859", "lost_signal cleared 739"]);
  });
});

test("one reading by a clock that has lost its time does not cost the others of its upload, and is told", () => {
  const all = uploads(readings(0, 600, fast(100, 500)));
  const [before, odd, ...after] = all;
  const misdated = odd!.readings.map((one, i) => (i === 5 ? { ...one, tsMs: 0 } : one));
  const people = new People()
    .limit(170)
    .send(before!, { ...odd!, readings: misdated }, ...after)
    .settle();
  expect(people.said()[0]).toBe("high_heart_rate raised 220");
  expect(people.harness.output("late-uploads", Upload)).toEqual([{ ...odd, readings: [misdated[5]] }]);
  expect(people.harness.deadLetters()).toEqual([]);
});

test("a device that is four minutes fast makes no upload of others late", () => {
  const people = new People();
  for (const upload of uploads(readings(0, 120))) {
    const readings = [{ ...upload.readings[0]!, tsMs: upload.receivedMs + minutes(4) }];
    people.send(upload, { ...upload, participant: "example/2", device: "fast", readings });
  }
  expect(people.settle().harness.output("late-uploads", Upload)).toEqual([]);
});

test("what cannot be judged ends among the dead letters and moves nobody's time", () => {
  const all = uploads(readings(0, 600, fast(100, 500)));
  const people = new People().limit(170).send(all[0]!);
  const [upload] = uploads(readings(10, 20), 10, { device: "d9" });
  people.send({ ...upload!, readings: [] });
  people.send({ ...upload!, participant: "x".repeat(300) });
  people.send({ ...upload!, readings: readings(100_000, 100_001) });
  people.acknowledge("somebody-else/high_heart_rate/1");
  people.send(...all.slice(1)).settle();
  expect(
    people.harness
      .deadLetters()
      .map(({ reason }) => reason)
      .sort(),
  ).toEqual([
    expect.stringContaining("not that of an alert of the participant"),
    expect.stringContaining("the device's clock is wrong"),
    expect.stringContaining("more than 200"),
    expect.stringContaining("readings is empty"),
  ]);
  expect(people.said()[0]).toBe("high_heart_rate raised 220");
});

test("the same alerts come of it whatever the batches, the parallelism and the crashes", () => {
  const run = (options: HarnessOptions) => {
    const people = new People({ partitions: 3, ...options }).rules({ hrLimit: 170, courseM: 10_000 });
    const persons = Array.from({ length: 6 }, (_, n) => {
      const fields = (second: number) => ({
        ...fast(50 * n, 50 * n + 300)(second),
        ...(n === 1 && second > 200 ? { distanceM: 600 } : {}),
        ...(n === 2 && second > 100 ? { hr: 225 } : {}),
      });
      return uploads(readings(0, 600, fields), 7, { participant: `example/${n}` });
    });
    for (let i = 0; i < persons[0]!.length; i++)
      for (const all of persons) people.harness.send("uploads", Upload, all[i]!.participant, all[i]!);
    people.harness.run();
    people.settle();
    const said = new Map<string, Alert[]>();
    for (const alert of people.alerts())
      said.set(alert.participant, [...(said.get(alert.participant) ?? []), alert]);
    return new Map([...said].sort());
  };
  const plain = run({ parallelism: 1 });
  expect([...plain.values()].flat().length).toBeGreaterThan(12);
  for (const [parallelism, batchMax, turnsAnEpoch, every] of [
    [1, 1, 1, 2],
    [2, 3, 2, 3],
    [3, 7, 4, 5],
    [3, 50, 1, 7],
  ] as const) {
    let epoch = 0;
    const crash = () => (epoch++ % every === 1 ? (epoch % 2 ? "before-commit" : "after-commit") : undefined);
    expect(run({ parallelism, batchMax, turnsAnEpoch, crash })).toEqual(plain);
  }
});
