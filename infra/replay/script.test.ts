import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Race } from "../../schemas/index.ts";
import { noProgress, ReplayProgress, settle } from "./progress.ts";
import {
  countStep,
  heartbeatEveryMs,
  NOTHING_SENT,
  type Recording,
  type Sent,
  type Step,
  script,
} from "./script.ts";

const RACE: Race = {
  id: "r",
  name: "R",
  date: "2024-01-01",
  timezone: "UTC",
  gunMs: 0,
  rankBy: "net",
  distanceM: 10_000,
  mats: [
    { id: "start", distanceM: 0 },
    { id: "finish", distanceM: 10_000 },
  ],
  overdueAfterMs: 60_000,
  dnfAfterMs: 600_000,
};

function recording(receivedMs: readonly number[], bibs = 2): Recording {
  return {
    race: RACE,
    entrants: () =>
      Array.from({ length: bibs }, (_, i) => ({
        race: "r",
        bib: `${i}`,
        gender: "",
        division: "",
        country: "",
      })),
    passings: () =>
      receivedMs.map((ms, i) => ({
        race: "r",
        receivedMs: ms,
        read: { id: `${i + 1}`, bib: `${i % bibs}`, mat: "start", timeMs: ms },
      })),
  };
}

async function all(steps: AsyncIterable<Step>): Promise<Step[]> {
  const list: Step[] = [];
  for await (const step of steps) list.push(step);
  return list;
}
function count(before: Sent, steps: readonly Step[]): Sent {
  const sent = { ...before };
  for (const step of steps) countStep(sent, step);
  return sent;
}
const word = (step: Step): string => {
  if (step.kind === "read") return step.message.read!.id;
  if (step.kind === "heartbeat") return step.last ? "end" : `beat ${step.receivedMs}`;
  return step.kind;
};
const words = async (from: Sent, receivedMs: readonly number[], every = 60_000) =>
  (await all(script(recording(receivedMs), from, every))).map(word);

describe("the script of a replay", () => {
  test("sends the race, its entrants, the reads with heartbeats between, and the end", async () => {
    expect(await words(NOTHING_SENT, [59_000, 60_000, 60_001, 185_000])).toEqual([
      "race",
      "entrant",
      "entrant",
      "1",
      "2",
      "beat 60000",
      "3",
      "beat 120000",
      "beat 180000",
      "4",
      "end",
    ]);
  });

  test("sends a race without reads, and ends it", async () => {
    expect(await words(NOTHING_SENT, [])).toEqual(["race", "entrant", "entrant", "end"]);
  });

  test("ends after everybody who can still come in has been given up", async () => {
    const steps = await all(script(recording([1000]), NOTHING_SENT, 60_000));
    const last = steps.at(-1)!;
    expect(last.kind === "heartbeat" && last.receivedMs).toBe(1000 + RACE.dnfAfterMs + 86_400_000);
  });

  test("keeps the order of a recording that is not in order of time, and its clock never goes back", async () => {
    const steps = await all(script(recording([50_000, 130_000, 70_000, 131_000]), NOTHING_SENT, 60_000));
    expect(steps.slice(3).map(word)).toEqual(["1", "beat 60000", "beat 120000", "2", "3", "4", "end"]);
    expect(steps.flatMap((step) => (step.kind === "read" ? [step.dueMs] : []))).toEqual([
      50_000, 130_000, 130_000, 131_000,
    ]);
  });

  test("cut anywhere and taken up again, at whatever speed, sends every read once and in order", async () => {
    const times = fc.array(fc.integer({ min: 0, max: 600_000 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.nat(),
        fc.constantFrom(1000, 7000, 60_000),
        async (receivedMs, cut, every) => {
          const whole = await all(script(recording(receivedMs), NOTHING_SENT, 60_000));
          const first = whole.slice(0, cut % (whole.length + 1));
          const sent = count(NOTHING_SENT, first);
          const rest = await all(script(recording(receivedMs), sent, every));
          const withoutBeats = (steps: Step[]) => steps.map(word).filter((text) => !text.startsWith("beat"));
          expect(withoutBeats([...first, ...rest])).toEqual(withoutBeats(whole));
          expect(count(sent, rest).ended).toBe(true);
        },
      ),
    );
  });

  test("a heartbeat stands after all reads up to it and before all later ones", async () => {
    const ordered = fc.array(fc.integer({ min: 0, max: 600_000 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(ordered, fc.constantFrom(1000, 60_000), async (unordered, every) => {
        const times = unordered.toSorted((a, b) => a - b);
        const steps = await all(script(recording(times), NOTHING_SENT, every));
        steps.forEach((step, i) => {
          if (step.kind !== "heartbeat" || step.last) return;
          for (const [j, other] of steps.entries()) {
            if (other.kind === "read") expect(other.message.receivedMs <= step.receivedMs).toBe(j < i);
          }
        });
      }),
    );
  });
});

test("a heartbeat comes each race minute, and at least each second on the wall", () => {
  expect([0.5, 1, 10, 60, 600].map(heartbeatEveryMs)).toEqual([500, 1000, 10_000, 60_000, 60_000]);
});

test("a transaction of unknown end has landed, is missing, or somebody else went on", () => {
  const before = { ...noProgress("f"), owner: "me", race: true, entrants: 3 };
  const after = { ...before, entrants: 5 };
  expect(settle(ReplayProgress, after, before, after)).toBe("landed");
  expect(settle(ReplayProgress, before, before, after)).toBe("missing");
  expect(settle(ReplayProgress, { ...before, owner: "another" }, before, after)).toBe("overtaken");
  expect(settle(ReplayProgress, { ...after, reads: 1 }, before, after)).toBe("overtaken");
});
