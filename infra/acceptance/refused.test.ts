/** What people see when the program cannot start, for a reason that is there before anything is started. */
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Program } from "./program.ts";

const TIMEOUT_MS = 180_000;

let folder: string;
let data: string;
let errors: number;
let program: Program;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "starting-"));
  data = join(folder, "data");
  errors = openSync(join(folder, "stderr"), "w+");
});
afterEach(async () => {
  if (!program.ended) await program.kill();
  closeSync(errors);
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

function start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): void {
  const port = args.includes("--port") ? [] : ["--port", "0"];
  const where = args.includes("--data") ? [] : ["--data", data];
  program = new Program(["--no-replay", ...where, ...port, ...args], env, { stderr: errors });
}

const said = (): string => readFileSync(join(folder, "stderr"), "utf8");

describe("a program that cannot start says why and what to do, and nothing else", () => {
  test("a port that is taken, before anything is started", { timeout: TIMEOUT_MS }, async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    start(["--port", String(port)]);
    expect(await program.exit()).toBe(1);
    expect(said()).toBe(
      `pace: port ${port} of 127.0.0.1 is taken: give another with --port, or 0 for any free one\n`,
    );
    expect(
      ["kafka", "clickhouse", "kafka.formatting"].filter((name) => existsSync(join(data, name))),
    ).toEqual([]);
    other.close();
  });

  test.each([
    [
      ["--host", "203.0.113.7"],
      { PACE_CONTROL_TOKEN: "x".repeat(32) },
      /^pace: 203\.0\.113\.7 is no address of this machine .*give another with --host\n$/,
    ],
    [
      ["--host", "0.0.0.0"],
      {},
      /^pace: --host 0\.0\.0\.0 lets others in, and PACE_CONTROL_TOKEN is not set: .*stay on 127\.0\.0\.1\n$/,
    ],
    [
      ["--data", "/dev/null/data"],
      {},
      /^pace: the data folder \/dev\/null\/data cannot be used: .*Give another with --data.*\n$/,
    ],
  ] as const)("%j", { timeout: TIMEOUT_MS }, async (args, env, message) => {
    start(args, { PACE_CONTROL_TOKEN: "", ...env });
    expect(await program.exit()).toBe(1);
    expect(said()).toMatch(message);
    expect(existsSync(join(data, "kafka"))).toBe(false);
  });
});
