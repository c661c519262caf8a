import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  boundedDisorder,
  codecOf,
  type Flow,
  job,
  type KeyedStream,
  seconds,
  sideOutput,
  topic,
} from "../../index.ts";
import { type HarnessOptions, JobHarness } from "../../testing/index.ts";

interface Reading {
  device: string;
  id: string;
  atMs: number;
}
const record = (name: string, fields: object) => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
const Reading = codecOf<Reading>(
  "reading",
  record("Reading", { device: "string", id: "string", atMs: "long" }),
);
interface Profile {
  limit: number;
  fromMs: number;
}
const Profile = codecOf<Profile>("profile", record("Profile", { limit: "int", fromMs: "long" }));
const Text = codecOf<string>("text", "string");
const apart = sideOutput<Reading>("apart");
const DISORDER_MS = 20;

const readings = topic("readings", Reading);
const out = topic("out", Reading, { partitionBy: () => "one" });

/** A job of one step on readings by device; `step` may have the side output `apart`. */
const jobOf = (
  step: (readings: KeyedStream<Reading>, flow: Flow) => KeyedStream<Reading>,
  hasSide: boolean,
  disorderMax = DISORDER_MS,
) =>
  job("steps", (flow) => {
    const result = step(
      flow
        .from(readings)
        .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax, idleAfter: seconds(1) }))
        .keyBy(({ device }) => device),
      flow,
    );
    result.to(out);
    if (hasSide) result.side(apart).to(topic("apart", Reading));
  });

const send = (harness: JobHarness, reading: Reading) =>
  harness.send("readings", Reading, reading.device, reading);
const ids = (harness: JobHarness, topic: string) => harness.output(topic, Reading).map(({ id }) => id);

/** Readings in an order that is within the disorder, each with a number of its own as id unless `idOf` says another. */
const sent = fc
  .array(
    fc.record({
      device: fc.constantFrom("a", "b", "c"),
      atMs: fc.integer({ min: 0, max: 300 }),
      delay: fc.integer({ min: 0, max: DISORDER_MS }),
    }),
    { maxLength: 60 },
  )
  .map((drawn) =>
    [...drawn]
      .sort((a, b) => a.atMs + a.delay - (b.atMs + b.delay))
      .map(({ device, atMs }, index): Reading => ({ device, atMs, id: String(index) })),
  );
const ways: fc.Arbitrary<HarnessOptions> = fc
  .record({
    parallelism: fc.integer({ min: 1, max: 3 }),
    batchMax: fc.integer({ min: 1, max: 7 }),
    turnsAnEpoch: fc.integer({ min: 1, max: 4 }),
    crashes: fc.infiniteStream(fc.constantFrom(undefined, undefined, "before-commit", "after-commit")),
  })
  .map(({ crashes, ...options }) => ({
    ...options,
    partitions: 3,
    crash: () => crashes.next().value as "before-commit" | undefined,
  }));

describe("dedup", () => {
  const deduped = jobOf((readings) => readings.dedup("once", { idOf: ({ id }) => id, within: 100 }), false);
  it("lets the first record of an id pass, and another one only when more than `within` has gone by", () => {
    const harness = new JobHarness(deduped, { partitions: 1 });
    for (const atMs of [0, 100, 101, 150, 202])
      for (const id of ["x", `own-${atMs}`]) send(harness, { device: "a", id, atMs });
    harness.run();
    expect(ids(harness, "out").filter((id) => id === "x")).toHaveLength(3);
    expect(ids(harness, "out")).toHaveLength(3 + 5);
  });

  it("gives each id once, whatever is sent twice, the parallelism, the batches and the crashes", () => {
    fc.assert(
      fc.property(sent, fc.infiniteStream(fc.integer({ min: 0, max: 3 })), ways, (all, times, options) => {
        const harness = new JobHarness(deduped, options);
        for (const reading of all) for (let i = times.next().value!; i >= 0; i--) send(harness, reading);
        harness.run();
        expect(ids(harness, "out").sort()).toEqual(all.map(({ id }) => id).sort());
      }),
    );
  });

  it("forgets ids, also those that never come again", () => {
    const harness = new JobHarness(deduped, { partitions: 1 });
    for (let i = 0; i < 50; i++) send(harness, { device: "a", id: String(i), atMs: i * 100 });
    harness.run();
    expect(harness.changelogKeys("once").filter((key) => key.startsWith("m")).length).toBeLessThan(5);
  });
});

describe("reorder", () => {
  const reordered = jobOf((readings) => readings.reorder("in-order", { codec: Reading, late: apart }), true);

  it("gives the records of a key in the order of their time, those of one time as they came", () => {
    fc.assert(
      fc.property(sent, ways, (all, options) => {
        const harness = new JobHarness(reordered, options);
        for (const reading of all) send(harness, reading);
        harness.run();
        for (const device of ["a", "b", "c", "d", "e", "f"])
          send(harness, { device, id: "end", atMs: 10_000 });
        harness.run();
        harness.advance(seconds(1));
        for (const device of ["a", "b", "c"]) {
          const own = (list: readonly Reading[]) => list.filter((reading) => reading.device === device);
          // The sort is stable: those of one time stay in the order they were sent.
          expect(own(harness.output("out", Reading))).toEqual(own(all).sort((a, b) => a.atMs - b.atMs));
        }
      }),
    );
  });

  it("sets a record apart that comes after later ones have left", () => {
    const harness = new JobHarness(reordered, { partitions: 1 });
    for (const atMs of [10, 100, 50, 200]) {
      send(harness, { device: "a", id: String(atMs), atMs });
      harness.run();
    }
    expect(ids(harness, "out")).toEqual(["10", "100"]);
    expect(ids(harness, "apart")).toEqual(["50"]);
  });
});

describe("records that waited for the same moment", () => {
  const refusing = (step: (readings: KeyedStream<Reading>, flow: Flow) => KeyedStream<Reading>) =>
    jobOf(
      (stream, flow) =>
        step(stream, flow).filter("good", ({ id }) => {
          if (id === "bad") throw new Error("a bad one");
          return true;
        }),
      false,
    );
  it.each([
    ["reorder", refusing((stream) => stream.reorder("step", { codec: Reading, late: apart }))],
    [
      "join",
      refusing((stream, flow) =>
        stream.join("step", flow.versions(topic("profiles", Profile)), {
          codec: Reading,
          join: (reading: Reading) => reading,
        }),
      ),
    ],
  ])("leave %s one by one: one that code throws on is set apart, and nothing with it", (_name, refused) => {
    const harness = new JobHarness(refused, { partitions: 1 });
    for (const id of ["one", "bad", "two"]) send(harness, { device: "a", id, atMs: 5 });
    send(harness, { device: "a", id: "end", atMs: 1_000 });
    harness.run();
    harness.advance(seconds(10));
    expect(harness.output("out", Reading).map(({ id }) => id)).toEqual(["one", "two"]);
    expect(harness.deadLetters().map(({ value }) => Reading.decode(Buffer.from(value!)).id)).toEqual(["bad"]);
    const waiting = harness.changelogKeys("step").filter((key) => key.startsWith("m\0step.waiting"));
    expect(waiting).toHaveLength(1);
  });
});

describe("deviceClock", () => {
  const clocked = jobOf(
    (readings) => readings.deviceClock("clock", { skewMax: seconds(60), samples: 5, wrong: apart }),
    true,
  );
  it("sets the records of a device apart while its clock is wrong, takes them back once it is right, others unharmed", () => {
    const harness = new JobHarness(clocked, { partitions: 1 });
    const upload = (device: string, count: number, skewMs: number) => {
      for (let i = 0; i < count; i++) {
        send(harness, { device, id: `${device}${skewMs}`, atMs: harness.nowMs + skewMs });
        harness.advance(1_000);
        harness.restart();
      }
    };
    upload("a", 5, 0);
    upload("b", 5, -3_600_000);
    upload("a", 2, 3_600_000); // two of five: still held to be right
    upload("a", 3, 3_600_000);
    upload("b", 2, 0);
    upload("b", 3, 0);
    const counted = (list: string[]) => {
      const counts: Record<string, number> = {};
      for (const id of list) counts[id] = (counts[id] ?? 0) + 1;
      return counts;
    };
    expect(counted(ids(harness, "out"))).toEqual({ a0: 5, a3600000: 2, b0: 3 });
    expect(counted(ids(harness, "apart"))).toEqual({ "b-3600000": 5, a3600000: 3, b0: 2 });
  });

  it("takes the records of one upload for one sample: old readings sent late are no wrong clock", () => {
    const harness = new JobHarness(
      jobOf(
        (readings) =>
          readings.deviceClock("clock", {
            skewMax: seconds(60),
            samples: 3,
            sentOf: ({ id }) => Number(id),
            wrong: apart,
          }),
        true,
      ),
      { partitions: 1 },
    );
    for (let i = 0; i < 5; i++) {
      for (const ageMs of [9_000_000, 8_000_000, 7_000_000])
        send(harness, { device: "a", id: String(harness.nowMs - 500), atMs: harness.nowMs - ageMs });
      harness.advance(1_000);
    }
    expect(ids(harness, "out")).toHaveLength(15);
  });
});

describe("join with the versions of a table", () => {
  const profiles = topic("profiles", Profile);
  const joined = (wait: boolean) =>
    job("joined", (flow) => {
      const table = flow.versions(profiles, { timeOf: ({ fromMs }) => fromMs });
      flow
        .from(readings)
        .watermark(
          boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: DISORDER_MS, idleAfter: seconds(1) }),
        )
        .keyBy(({ device }) => device)
        .join("limits", table, {
          codec: Reading,
          wait,
          join: ({ device, id, atMs }, profile) => `${device} ${id} ${atMs} ${profile?.limit ?? "-"}`,
        })
        .to(topic("out", Text));
    });

  it("gives each record the newest version that is not later than it, whichever topic is read first", () => {
    fc.assert(
      fc.property(
        sent,
        fc.array(
          fc.record({
            device: fc.constantFrom("a", "b", "c"),
            fromMs: fc.integer({ min: 0, max: 300 }),
            limit: fc.integer({ min: 100, max: 200 }),
          }),
          { maxLength: 12 },
        ),
        fc.boolean(),
        ways,
        (all, versions, tableFirst, options) => {
          const harness = new JobHarness(joined(true), options);
          const ordered = [...versions].sort((a, b) => a.fromMs - b.fromMs);
          const sendTable = () => {
            for (const { device, ...profile } of ordered) harness.send("profiles", Profile, device, profile);
          };
          if (tableFirst) sendTable();
          for (const reading of all) send(harness, reading);
          if (!tableFirst) sendTable();
          harness.run();
          for (const device of ["a", "b", "c", "d", "e", "f"])
            send(harness, { device, id: "end", atMs: 10_000 });
          harness.run();
          harness.advance(seconds(1));
          const expected = all.map(({ device, id, atMs }) => {
            const valid = ordered.filter((version) => version.device === device && version.fromMs <= atMs);
            return `${device} ${id} ${atMs} ${valid.at(-1)?.limit ?? "-"}`;
          });
          expect(
            harness
              .output("out", Text)
              .filter((line) => !line.includes("end"))
              .sort(),
          ).toEqual(expected.sort());
        },
      ),
    );
  });

  it("finds no row once a null value has deleted it, and keeps no old versions", () => {
    const harness = new JobHarness(joined(true), { partitions: 1, nowMs: 500 });
    for (const fromMs of [0, 100, 200]) harness.send("profiles", Profile, "a", { limit: fromMs, fromMs });
    send(harness, { device: "a", id: "1", atMs: 250 });
    harness.run();
    send(harness, { device: "a", id: "2", atMs: 450 });
    harness.run();
    harness.sendBytes("profiles", "a", null); // at 500, Kafka's time
    send(harness, { device: "a", id: "3", atMs: 499 });
    send(harness, { device: "a", id: "4", atMs: 500 });
    harness.run();
    send(harness, { device: "a", id: "5", atMs: 1_000 });
    harness.run();
    harness.sendBytes("profiles", "a", null);
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a 1 250 200", "a 2 450 200", "a 3 499 200", "a 4 500 -"]);
    // What is left is the record that waits.
    expect(harness.changelogKeys("limits").filter((key) => key.startsWith("m"))).toHaveLength(1);
  });

  it("does not make a record wait that is told not to", () => {
    const harness = new JobHarness(joined(false), { partitions: 1 });
    harness.send("profiles", Profile, "a", { limit: 150, fromMs: 0 });
    harness.run();
    send(harness, { device: "a", id: "1", atMs: 250 });
    harness.run();
    expect(harness.output("out", Text)).toEqual(["a 1 250 150"]);
  });
});
