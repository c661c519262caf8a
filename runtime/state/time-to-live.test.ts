import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  aggregatingState,
  boundedDisorder,
  codecOf,
  job,
  listState,
  mapState,
  minutes,
  reducingState,
  seconds,
  type TimeDomain,
  type TimeToLive,
  topic,
  valueState,
} from "../index.ts";
import { JobHarness } from "../testing/index.ts";

interface Event {
  key: string;
  name: string;
  atMs: number;
}
const Event = codecOf<Event>("event", {
  type: "record",
  name: "Event",
  fields: [
    { name: "key", type: "string" },
    { name: "name", type: "string" },
    { name: "atMs", type: "long" },
  ],
});
const Text = codecOf<string>("text", "string");
const Count = codecOf<number>("count", "int");

/** Says what state it finds, then writes to it. An event named "look" only looks, "clear" clears. */
const watching = (ttl: TimeToLive | undefined) =>
  job("watching", (flow) => {
    const options = ttl ? { ttl } : {};
    flow
      .from(topic("events", Event))
      .watermark(boundedDisorder({ timeOf: ({ atMs }) => atMs, disorderMax: 0 }))
      .keyBy(({ key }) => key)
      .process("watch", {
        emits: Text,
        state: {
          last: valueState(Text, options),
          seen: mapState(Count, options),
          count: aggregatingState<string, number>(
            Count,
            { create: () => 0, add: (count) => count + 1 },
            options,
          ),
        },
        process({ key, name }, { state, emit }) {
          const seen = [...state.seen.entries()].map(([name, count]) => `${name}${count}`).sort();
          emit(`${key} ${state.last.get() ?? "-"} ${seen.join("") || "-"} ${state.count.get() ?? "-"}`);
          if (name === "look") return;
          if (name === "clear") {
            state.last.clear();
            state.seen.clear();
            return state.count.clear();
          }
          state.last.put(name);
          state.seen.put(name, (state.seen.get(name) ?? 0) + 1);
          state.count.add(name);
        },
      })
      .to(topic("found", Text));
  });

function harnessOf(ttl: TimeToLive | undefined) {
  const harness = new JobHarness(watching(ttl), { partitions: 1 });
  const send = (key: string, name: string, atMs: number) => {
    harness.send("events", Event, key, { key, name, atMs });
    harness.run();
  };
  const found = () => harness.output("found", Text).at(-1);
  const kept = () => harness.changelogKeys("watch").filter((key) => /^[vm]/.test(key));
  return { harness, send, found, kept };
}

describe("state with a time to live", () => {
  it("is seen until its event time is over, from its last write on, and not after", () => {
    const { send, found } = harnessOf({ after: 100, time: "event" });
    send("a", "x", 0);
    send("a", "y", 60);
    send("a", "look", 99);
    expect(found()).toBe("a y x1y1 2");
    send("a", "look", 100);
    expect(found()).toBe("a y y1 2");
    send("a", "look", 160);
    expect(found()).toBe("a - - -");
  });

  it("is cleared whole, also what the record that clears it does not see any more", () => {
    const { harness, found } = harnessOf({ after: 100, time: "event" });
    for (const [name, atMs] of [
      ["x", 0],
      ["clear", 150],
      ["look", 50],
    ] as const)
      harness.send("events", Event, "a", { key: "a", name, atMs });
    harness.run();
    expect(found()).toBe("a - - -");
  });

  it("by the clock goes as the clock goes on", () => {
    const { harness, send, found } = harnessOf({ after: minutes(1), time: "processing" });
    send("a", "x", 0);
    harness.advance(seconds(59));
    send("a", "look", 1_000_000);
    expect(found()).toBe("a x x1 1");
    harness.advance(seconds(1));
    send("a", "look", 2_000_000);
    expect(found()).toBe("a - - -");
  });

  it("is removed from the changelog though nobody asks for it again, before or after a restart", () => {
    for (const restarts of [false, true]) {
      const { harness, send, kept } = harnessOf({ after: 100, time: "event" });
      for (let i = 0; i < 2_500; i++)
        harness.send("events", Event, "k", { key: `k${i}`, name: "x", atMs: 0 });
      harness.run();
      expect(kept()).toHaveLength(3 * 2_500);
      if (restarts) harness.restart();
      send("other", "look", 1_000);
      harness.run();
      expect(kept()).toEqual([]);
    }
  });

  it("may be given to state that had none, and taken from it: what is there is read either way", () => {
    const { harness, send, found, kept } = harnessOf(undefined);
    send("a", "x", 0);
    harness.restart(watching({ after: 100, time: "event" }));
    send("a", "look", 50);
    expect(found()).toBe("a x x1 1");
    send("a", "y", 60);
    harness.restart(watching(undefined));
    send("a", "look", 70);
    expect(found()).toBe("a y x1y1 2");
    harness.restart(watching({ after: 100, time: "event" }));
    send("a", "look", 1_000);
    harness.run();
    expect(found()).toBe("a - - -");
    expect(kept()).toEqual([]);
  });

  it("equals a plain model of it, whatever is written and when the task is restored", () => {
    const times: TimeDomain[] = ["event", "processing"];
    fc.assert(
      fc.property(
        fc.constantFrom(...times),
        fc.array(
          fc.record({
            key: fc.constantFrom("a", "b"),
            name: fc.constantFrom("x", "y", "look", "clear"),
            step: fc.integer({ min: 0, max: 70 }),
            restart: fc.boolean(),
          }),
          { maxLength: 40 },
        ),
        (time, events) => {
          const { harness, send, found } = harnessOf({ after: 100, time });
          const model = new Map<string, { value: string | number; until: number }>();
          let now = time === "event" ? 0 : harness.nowMs;
          let atMs = 0;
          const get = (id: string) => {
            const entry = model.get(id);
            return entry && entry.until > now ? entry.value : undefined;
          };
          for (const { key, name, step, restart } of events) {
            now += step;
            atMs += step;
            if (time === "processing") harness.advance(step);
            if (restart) harness.restart();
            const seen = ["x", "y"].flatMap((each) => {
              const count = get(`${key} seen ${each}`);
              return count === undefined ? [] : [`${each}${count}`];
            });
            const expected = `${key} ${get(`${key} last`) ?? "-"} ${seen.join("") || "-"} ${get(`${key} count`) ?? "-"}`;
            send(key, name, atMs);
            expect(found()).toBe(expected);
            const put = (id: string, value: string | number) => model.set(id, { value, until: now + 100 });
            if (name === "clear") {
              for (const id of ["last", "seen x", "seen y", "count"]) model.delete(`${key} ${id}`);
            } else if (name !== "look") {
              put(`${key} last`, name);
              put(`${key} seen ${name}`, Number(get(`${key} seen ${name}`) ?? 0) + 1);
              put(`${key} count`, Number(get(`${key} count`) ?? 0) + 1);
            }
          }
        },
      ),
    );
  });
});

describe("list and reducing state", () => {
  /** "+x" adds x, "!x" adds x and throws, "=" clears, "?" throws after clearing. */
  const lists = job("lists", (flow) => {
    flow
      .from(topic("commands", Text))
      .keyBy(() => "all")
      .process("list", {
        emits: Text,
        state: {
          list: listState(Text),
          longest: reducingState(Text, (a, b) => (b.length > a.length ? b : a)),
        },
        process(command, { state, emit }) {
          const value = command.slice(1);
          if (command[0] === "+" || command[0] === "!") {
            state.list.add(value);
            state.longest.add(value);
          } else {
            state.list.clear();
            state.longest.clear();
          }
          emit(`${state.list.get().join()} ${state.longest.get() ?? "-"}`);
          if (command[0] === "!" || command[0] === "?") throw new Error("taken back");
        },
      })
      .to(topic("lists", Text));
  });

  it("equal a plain list, whatever is added, taken back and restored, and leave nothing behind when cleared", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom("+", "+", "+", "!", "=", "?"), fc.string({ maxLength: 4 })), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 5 }),
        fc.infiniteStream(fc.constantFrom(undefined, "before-commit", "after-commit")),
        (commands, batchMax, crashes) => {
          const harness = new JobHarness(lists, {
            partitions: 1,
            batchMax,
            crash: () => crashes.next().value as "before-commit" | undefined,
          });
          const expected: string[] = [];
          let list: string[] = [];
          for (const [command, value] of [...commands, ["=", ""] as const]) {
            harness.send("commands", Text, "all", command + value);
            if (command === "+") list.push(value);
            if (command === "=") list = [];
            const longest = list.reduce((a, b) => (b.length > a.length ? b : a), list[0] ?? "-");
            if (command === "+" || command === "=") expected.push(`${list.join()} ${longest}`);
          }
          harness.run();
          expect(harness.output("lists", Text)).toEqual(expected);
          expect(harness.changelogKeys("list").filter((key) => /^[vm]/.test(key))).toEqual([]);
        },
      ),
    );
  });
});
