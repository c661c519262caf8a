import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ChildSpec, runTool, startChild } from "./child.ts";
import { isAlive, readIdentity } from "./os-process.ts";

let folder: string;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "child-"));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function shell(script: string, isReady: ChildSpec["isReady"] = () => false): ChildSpec {
  return {
    name: "It",
    command: ["/bin/sh", "-c", script],
    cwd: folder,
    outputFile: join(folder, "out"),
    pidFile: join(folder, "pid.json"),
    stopMaxMs: 1_000,
    isReady,
    log: (line) => lines.push(line),
  };
}

async function identityOf(spec: ChildSpec) {
  while (!readIdentity(spec.pidFile)) await sleep(5);
  return readIdentity(spec.pidFile)!;
}

test("a child that is only starting is ended when that is given up, and nobody waits until it is ready", async () => {
  for (const run of [
    (it: ChildSpec, signal: AbortSignal) => startChild(it, signal),
    (it: ChildSpec, signal: AbortSignal) => runTool(it, 60_000, signal),
  ]) {
    const asked = new AbortController();
    const spec = shell("exec sleep 600");
    const started = run(spec, asked.signal);
    started.catch(() => {});
    const identity = await identityOf(spec);
    asked.abort(new Error("asked to stop"));
    await expect(started).rejects.toThrow("asked to stop");
    expect([isAlive(identity), existsSync(spec.pidFile), lines]).toEqual([false, false, []]);
  }
});

test("one that is ready is not ended by what would have given up its start", async () => {
  const asked = new AbortController();
  const child = await startChild(
    shell("exec sleep 600", () => true),
    asked.signal,
  );
  asked.abort();
  await sleep(100);
  expect(child.pid()).toBeDefined();
  await child.stop();
});

test("a tool that fails is told with what it said, never with its command line", async () => {
  const failing = runTool(shell("echo no room left; exit 3 # a-secret"), 60_000);
  await expect(failing).rejects.toThrow(/^It exited with code 3; its output \(.*out\):\nno room left$/);
  await expect(runTool(shell("exec sleep 600 # a-secret"), 50)).rejects.toThrow(
    /^It took longer than 0.05 s; its output/,
  );
  await runTool(shell("exit 0"), 60_000);
});

test("a child knows no secret of the program's environment", async () => {
  process.env.PACE_SECRET_OF_THE_TEST = "secret";
  await runTool(shell("env"), 60_000);
  delete process.env.PACE_SECRET_OF_THE_TEST;
  const names = readFileSync(join(folder, "out"), "utf8")
    .split("\n")
    .map((line) => line.split("=", 1)[0]);
  expect(names).toContain("PATH");
  expect(names).not.toContain("PACE_SECRET_OF_THE_TEST");
});
