import { expect, it } from "vitest";
import type { RuntimeMetrics } from "../metrics/task-metrics.ts";
import { systemTime } from "../time.ts";
import type { RunEnd, TaskRun } from "../worker/task-runner.ts";
import { Slot } from "./slot.ts";

/** Runs that end when the test says how; a stop ends them too. */
function fakeRuns() {
  const started: { end: (how: RunEnd) => void }[] = [];
  const newRun = () => {
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    const run = async () => {
      started.push({ end: resolve });
      return promise;
    };
    return { run, stop: () => resolve({ kind: "stopped" }) } as unknown as TaskRun;
  };
  return { started, newRun };
}

const lost = (epoch: number): RunEnd => ({
  kind: "failed",
  cause: "outside",
  reason: `epoch ${epoch} lost`,
  pulse: undefined,
});

it("a task that lost its commit is started again only when the group confirms the lease", async () => {
  const { started, newRun } = fakeRuns();
  const asked: PromiseWithResolvers<boolean>[] = [];
  const heard: (() => void)[] = [];
  const slot = new Slot({
    job: "job",
    slot: 0,
    tasks: [{ stage: "stage", newRun }],
    time: systemTime,
    metrics: { restarted: () => {} } as unknown as RuntimeMetrics,
    log: () => {},
    confirms: () => {
      const answer = Promise.withResolvers<boolean>();
      asked.push(answer);
      for (const hear of heard.splice(0)) hear();
      return answer.promise;
    },
  });
  const question = async (count: number) => {
    while (asked.length < count) await new Promise<void>((resolve) => heard.push(resolve));
  };
  expect(started.length).toBe(1);
  started[0]!.end(lost(1));
  await question(1);
  asked[0]!.resolve(false);
  await question(2);
  expect(started.length).toBe(1);
  asked[1]!.resolve(true);
  while (started.length < 2) await new Promise(setImmediate);

  started[1]!.end(lost(2));
  await question(3);
  const stopped = slot.stop();
  asked[2]!.resolve(true);
  await stopped;
  expect(started.length).toBe(2);
});
