/**
 * The short form of a chaos run: a few faults of different kinds under a fixed seed. The long form is `npx pace chaos`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FAULTS } from "./faults/index.ts";
import { pageOf } from "./page.ts";
import { describeRun } from "./report.ts";
import { runChaos } from "./run.ts";

const SHORT = [
  "kill-node",
  "kill-broker",
  "worker-throws",
  "commit-answer-lost",
  "clickhouse-killed-after-answer",
];
const TIMEOUT_MS = 1_200_000;

it("under a few faults nothing is lost, nothing doubled, and every time and place comes out right", {
  timeout: TIMEOUT_MS,
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "pacestream-chaos-"));
  try {
    const report = await runChaos({
      // The most: it ends when each has had its turn.
      minutes: 10,
      once: true,
      seed: 20_241_005,
      // How fast it recovers is for the long form to say: this machine may be busy with anything.
      faults: FAULTS.filter(({ name }) => SHORT.includes(name)),
      patience: 5,
      brokers: 1,
      nodes: 2,
      readsPerSecond: 80,
      dataDir,
      tell: (line) => console.log(line),
      moving: () => {},
      signal: new AbortController().signal,
    });
    console.log(describeRun(report));
    expect(report.violations).toEqual([]);
    expect(report.incidents.map(({ fault }) => fault).sort()).toEqual([...SHORT].sort());
    expect(pageOf(report)).toContain("Nothing lost, nothing doubled");
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
