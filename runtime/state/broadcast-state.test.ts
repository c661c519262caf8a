import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundedDisorder, codecOf, job, seconds, topic } from "../index.ts";
import { type HarnessOptions, JobHarness } from "../testing/index.ts";

interface Reading {
  key: string;
  atMs: number;
}
interface Rule {
  name: string;
  limit: number;
  fromMs: number;
}
const record = (name: string, fields: object) => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
const Reading = codecOf<Reading>("reading", record("Reading", { key: "string", atMs: "long" }));
const Rule = codecOf<Rule>("rule", record("Rule", { name: "string", limit: "int", fromMs: "long" }));
const Text = codecOf<string>("text", "string");

/** Says of each reading, and of a timer at its time, which rules it met and in which version. */
const ruled = (activeFrom?: (rule: Rule) => number) =>
  job("ruled", (flow) => {
    const rules = flow.broadcast(topic("rules", Rule), {
      keyOf: ({ name }) => name,
      ...(activeFrom && { activeFrom }),
    });
    flow
      .from(topic("readings", Reading))
      .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0, idleAfter: seconds(1) }))
      .keyBy(({ key }) => key)
      .process("apply", {
        emits: Text,
        tables: { rules },
        timers: ["event"],
        process({ key, atMs }, { tables, timers, emit }) {
          emit(`${key} ${atMs} ${limits(tables.rules.entries())}`);
          timers.onEventTime(atMs);
        },
        onTimer({ timeMs }, { key, tables, emit }) {
          emit(`timer ${key} ${timeMs} ${limits(tables.rules.entries())}`);
        },
      })
      .to(topic("met", Text));
  });
const limits = (entries: Iterable<[string, Rule]>) =>
  [...entries]
    .map(([name, { limit }]) => `${name}=${limit}`)
    .sort()
    .join(",");

const sendRule = (harness: JobHarness, name: string, limit: number, fromMs: number) =>
  harness.send("rules", Rule, name, { name, limit, fromMs });
const sendReading = (harness: JobHarness, key: string, atMs: number) =>
  harness.send("readings", Reading, key, { key, atMs });
const met = (harness: JobHarness) => harness.output("met", Text).filter((line) => !line.startsWith("timer"));

describe("a broadcast", () => {
  it("is met by records in the version of their event time, whatever the tasks, the batches and the crashes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: fc.constantFrom("hr", "gap"), fromMs: fc.integer({ min: 0, max: 99 }) }), {
          maxLength: 8,
        }),
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 99 })), {
          maxLength: 40,
        }),
        fc.record({
          parallelism: fc.integer({ min: 1, max: 3 }),
          batchMax: fc.integer({ min: 1, max: 5 }),
          turnsAnEpoch: fc.integer({ min: 1, max: 4 }),
        }),
        fc.infiniteStream(fc.constantFrom(undefined, undefined, "before-commit", "after-commit")),
        (drawn, readings, options, crashes) => {
          const harness = new JobHarness(
            ruled(({ fromMs }) => fromMs),
            { partitions: 3, ...options, crash: () => crashes.next().value as "before-commit" | undefined },
          );
          const rules = drawn.map((rule, limit) => ({ ...rule, limit })).sort((a, b) => a.fromMs - b.fromMs);
          const ordered = [...readings].sort(([, a], [, b]) => a - b);
          // A version is known twenty before it holds.
          for (let now = 0; now < 100; now += 20) {
            for (const { name, limit, fromMs } of rules)
              if (fromMs >= (now === 0 ? 0 : now + 20) && fromMs < now + 40)
                sendRule(harness, name, limit, fromMs);
            for (const [key, atMs] of ordered)
              if (atMs >= now && atMs < now + 20) sendReading(harness, key, atMs);
            harness.run();
          }
          const expected = ordered.map(([key, atMs]) => {
            const inForce = new Map(
              rules.filter(({ fromMs }) => fromMs <= atMs).map((rule): [string, Rule] => [rule.name, rule]),
            );
            return `${key} ${atMs} ${limits(inForce)}`;
          });
          expect(met(harness).sort()).toEqual(expected.sort());
          for (const key of ["a", "b", "c", "d", "e", "f"]) sendReading(harness, key, 1_000);
          harness.run();
          harness.advance(seconds(1));
          const timers = harness.output("met", Text).filter((line) => /^timer .* \d?\d /.test(line));
          expect(timers.sort()).toEqual([...new Set(expected.map((line) => `timer ${line}`))].sort());
        },
      ),
    );
  });

  it("that says no time is in force at once, and is known after a restart without being read again", () => {
    const harness = new JobHarness(ruled(), { partitions: 2 });
    sendRule(harness, "hr", 180, 0);
    sendReading(harness, "a", 1);
    harness.run();
    harness.restart();
    sendReading(harness, "a", 2);
    harness.run();
    sendRule(harness, "hr", 170, 0);
    sendReading(harness, "b", 3);
    harness.run();
    harness.restart();
    harness.sendBytes("rules", "hr", null);
    sendReading(harness, "b", 4);
    harness.run();
    harness.restart();
    sendReading(harness, "b", 5);
    harness.run();
    expect(met(harness).sort()).toEqual(["a 1 hr=180", "a 2 hr=180", "b 3 hr=170", "b 4 ", "b 5 "]);
  });

  it("has a version that grows with each record of its topic, the same in every task and after a restart", () => {
    const versions = job("versions", (flow) => {
      const rules = flow.broadcast(topic("rules", Rule), { keyOf: ({ name }) => name });
      flow
        .from(topic("readings", Reading))
        .keyBy(({ key }) => key)
        .process("apply", {
          emits: Text,
          tables: { rules },
          process: ({ key }, { tables: { rules }, emit }) =>
            emit(`${key} ${rules.version} ${rules.versionOf("hr")} ${rules.get("hr")?.limit}`),
        })
        .to(topic("met", Text));
    });
    const harness = new JobHarness(versions, { partitions: 3 });
    const look = () => {
      for (const key of ["a", "b", "c", "d"]) sendReading(harness, key, 0);
      harness.run();
      return [...new Set(harness.output("met", Text).map((line) => line.slice(2)))].sort();
    };
    expect(look()).toEqual(["0 undefined undefined"]);
    sendRule(harness, "hr", 180, 0);
    sendRule(harness, "gap", 5, 0);
    expect(look()).toContain("2 1 180");
    harness.restart();
    sendRule(harness, "hr", 170, 0);
    expect(look()).toEqual(["0 undefined undefined", "2 1 180", "3 3 170"]);
  });

  it("sets a record apart that it cannot read, once, and goes on", () => {
    const harness = new JobHarness(ruled(), { partitions: 3 });
    harness.sendBytes("rules", "hr", Buffer.from([9]));
    sendRule(harness, "hr", 180, 0);
    sendReading(harness, "a", 1);
    harness.run();
    expect(harness.deadLetters()).toMatchObject([{ topic: "rules", offset: 0, step: "broadcast" }]);
    expect(met(harness)).toEqual(["a 1 hr=180"]);
  });

  it("keeps no versions that nobody can meet any more", () => {
    const options: HarnessOptions = { partitions: 1 };
    const harness = new JobHarness(
      ruled(({ fromMs }) => fromMs),
      options,
    );
    for (let i = 0; i < 20; i++) {
      sendRule(harness, "hr", i, i * 10);
      sendReading(harness, "a", i * 10);
      harness.run();
    }
    expect(harness.changelogKeys("apply").filter((key) => key.startsWith("m\0@broadcast"))).toHaveLength(3);
  });
});
