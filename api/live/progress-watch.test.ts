import { expect, test } from "vitest";
import { STUCK_AFTER_MS } from "../../runtime/health.ts";
import { ProgressWatch } from "./progress-watch.ts";

const PARTITIONS = [
  { topic: "standings", partition: 0 },
  { topic: "standings", partition: 1 },
];

/** A log of which only the ends are known, under a clock that is turned by hand. */
function watched() {
  let elapsedMs = 0;
  const next = new Map([
    ["standings/0", 5],
    ["standings/1", 7],
  ]);
  let answer: () => Promise<{ first: number; end: number }[]>;
  const ends = (...offsets: number[]) => {
    answer = async () => offsets.map((end) => ({ first: 0, end }));
  };
  ends(5, 7);
  const time = { now: () => 1_000_000 + elapsedMs, elapsed: () => elapsedMs };
  const watch = new ProgressWatch({ offsets: () => answer() }, PARTITIONS, next, time);
  return {
    watch,
    next,
    ends,
    fails: () => {
      answer = () => Promise.reject(new Error("no broker"));
    },
    hangs: () => {
      answer = () => new Promise(() => undefined);
    },
    async pass(ms: number) {
      for (const untilMs = elapsedMs + ms; elapsedMs < untilMs; ) {
        elapsedMs += 1_000;
        watch.look();
        await new Promise(setImmediate);
      }
    },
  };
}

test("who has read everything has no problem, however long nothing comes", async () => {
  const it = watched();
  await it.pass(10 * STUCK_AFTER_MS);
  expect(it.watch.problem).toBeUndefined();
});

test("records that stay unread are a problem, and none once they are read", async () => {
  const it = watched();
  it.ends(5, 9);
  await it.pass(STUCK_AFTER_MS - 1_000);
  expect(it.watch.problem).toBeUndefined();
  await it.pass(7_000);
  expect(it.watch.problem).toMatchObject({
    code: "no-progress",
    message: "standings/1 has had 2 records unread at offset 7 and has not moved",
    sinceMs: 1_005_000,
  });
  it.next.set("standings/1", 8);
  expect(it.watch.problem).toBeUndefined();
  it.next.set("standings/1", 9);
  await it.pass(2 * STUCK_AFTER_MS);
  expect(it.watch.problem).toBeUndefined();
});

test("who is behind but goes on has no problem", async () => {
  const it = watched();
  it.ends(1_000_000, 7);
  for (let i = 0; i < 20; i++) {
    it.next.set("standings/0", 100 + i);
    await it.pass(5_000);
    expect(it.watch.problem).toBeUndefined();
  }
});

test.each(["fails", "hangs"] as const)(
  "a log that %s when it is asked is a problem until it answers",
  async (how) => {
    const it = watched();
    it[how]();
    await it.pass(STUCK_AFTER_MS + 6_000);
    expect(it.watch.problem).toMatchObject({ code: "no-answer", sinceMs: 1_005_000 });
    if (how === "hangs") return;
    it.ends(5, 7);
    await it.pass(6_000);
    expect(it.watch.problem).toBeUndefined();
  },
);
