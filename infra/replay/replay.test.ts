import { describe, expect, test } from "vitest";
import { forEachFrame } from "../../runtime/kafka/frames.ts";
import type { CommitOutcome, TransactionalWriter } from "../../runtime/kafka/log.ts";
import { TimingMessage } from "../../schemas/index.ts";
import { ReplayProgress } from "./progress.ts";
import { type ReplayLog, type ReplayOptions, replay } from "./replay.ts";
import type { Recording } from "./script.ts";

/** A log of one race that ends its transactions as a test says; afterwards all are committed. */
class FakeLog implements ReplayLog {
  readonly entrantPartitions = 4;
  readonly passingPartitions = 4;
  readonly reads: string[] = [];
  readonly beats: number[] = [];
  counts = { race: 0, entrants: 0 };
  progress: ReplayProgress | undefined;
  owner = 0;
  opened = 0;
  readonly outcomes: (CommitOutcome["kind"] | "lost but landed")[] = [];

  readProgress = async () => this.progress;

  openWriter(): TransactionalWriter {
    const me = ++this.opened;
    return {
      init: async () => {
        this.owner = me;
      },
      commit: async (topics, frames) => {
        await new Promise(setImmediate);
        if (this.owner !== me) return { kind: "fenced", reason: "another" };
        const outcome = this.outcomes.shift() ?? "committed";
        if (outcome === "committed" || outcome === "lost but landed") this.#apply(topics, frames);
        if (outcome === "lost but landed") return { kind: "lost", reason: "no answer" };
        return outcome === "committed" ? { kind: outcome } : { kind: outcome, reason: "the test says so" };
      },
      close: async () => undefined,
    };
  }

  #apply(topics: readonly string[], frames: Uint8Array): void {
    forEachFrame(frames, ({ topic, partition, value }) => {
      const name = topics[topic];
      if (name === "races") this.counts.race++;
      else if (name === "entrants") this.counts.entrants++;
      else if (name === "pacestream.replays") this.progress = ReplayProgress.decode(Buffer.from(value!));
      else {
        const message = TimingMessage.decode(Buffer.from(value!));
        if (message.read) this.reads.push(message.read.id);
        else if (partition === 0) this.beats.push(message.receivedMs);
      }
    });
  }
}

const COUNT = 10_000;
const recording: Recording = {
  race: {
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
  },
  entrants: () =>
    Array.from({ length: 50 }, (_, i) => ({
      race: "r",
      bib: `${i}`,
      gender: "M",
      division: "",
      country: "",
    })),
  passings: () =>
    Array.from({ length: COUNT }, (_, i) => ({
      race: "r",
      receivedMs: i * 10,
      read: { id: `${i + 1}`, bib: `${i % 50}`, mat: "start", timeMs: i * 10 },
    })),
};
const allReads = Array.from({ length: COUNT }, (_, i) => `${i + 1}`);

function run(log: ReplayLog, more: Partial<ReplayOptions> = {}) {
  return replay({ recording, fingerprint: "f", speed: "max", log, ...more });
}

describe("a replay", () => {
  test("sends everything once, and a second one finds nothing left", async () => {
    const log = new FakeLog();
    const first = await run(log);
    expect(log.reads).toEqual(allReads);
    expect(log.counts).toEqual({ race: 1, entrants: 50 });
    expect(log.beats.at(-1)).toBe(99_990 + 600_000 + 86_400_000);
    expect(first.resumedFrom).toBeUndefined();
    const second = await run(log);
    expect(second.resumedFrom).toEqual(first.progress);
    expect(log.reads).toHaveLength(COUNT);
  });

  test("sends everything once though transactions are aborted, or their end is not heard", async () => {
    const log = new FakeLog();
    log.outcomes.push("aborted", "lost", "lost but landed", "committed", "lost but landed");
    const troubles: string[] = [];
    await run(log, { onTrouble: (reason) => troubles.push(reason) });
    expect(log.reads).toEqual(allReads);
    expect(log.counts).toEqual({ race: 1, entrants: 50 });
    expect(troubles).toHaveLength(4);
  });

  test("goes on when the broker fences it for being slow, with nobody in its place", async () => {
    const log = new FakeLog();
    log.outcomes.push("committed", "fenced");
    await run(log);
    expect(log.reads).toEqual(allReads);
  });

  test("goes on where an earlier one was stopped, at another speed", async () => {
    const log = new FakeLog();
    const stop = new AbortController();
    const first = await run(log, { signal: stop.signal, onProgress: () => stop.abort() });
    expect(first.progress.ended).toBe(false);
    const second = await run(log, { speed: 100_000 });
    expect(second.resumedFrom).toEqual(first.progress);
    expect(second.progress.ended).toBe(true);
    expect(second.progress.firstReadAtMs).toBe(first.progress.firstReadAtMs);
    expect(log.reads).toEqual(allReads);
  });

  test("stops when another takes the race over", async () => {
    const log = new FakeLog();
    let other: Promise<unknown> | undefined;
    const onProgress = () => {
      other ??= run(log);
    };
    const first = run(log, { onProgress });
    await expect(first).rejects.toThrow(/another replay of r was started/);
    await other;
    expect(log.reads).toEqual(allReads);
  });

  test("does not go on with another recording under the same id", async () => {
    const log = new FakeLog();
    await run(log);
    await expect(run(log, { fingerprint: "g" })).rejects.toThrow(/another recording of r \(10000 reads\)/);
  });

  test("keeps the pace of the race", async () => {
    const log = new FakeLog();
    const startedMs = performance.now();
    await run(log, { speed: 200 }); // 99.99 s of race
    expect(performance.now() - startedMs).toBeGreaterThan(490);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect(log.reads).toEqual(allReads);
  });
});
