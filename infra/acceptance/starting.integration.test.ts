/** What people see when the program cannot start, or is asked to stop while it does. */
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { kafkaVariables } from "../../runtime/config.ts";
import { isAlive, readIdentity } from "../embedded/os-process.ts";
import { Program, pause } from "./program.ts";

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
  test("a ClickHouse that is away", { timeout: TIMEOUT_MS }, async () => {
    start([], { ...kafkaVariables(inject("kafka")), CLICKHOUSE_URL: "http://127.0.0.1:1" });
    expect(await program.exit()).toBe(1);
    expect(said()).toMatch(
      /^pace: ClickHouse at http:\/\/127\.0\.0\.1:1 does not answer: .*CLICKHOUSE_URL.*\n$/,
    );
  });
});

describe("a program that is asked to stop while it starts ends, and says nothing of being ready:", () => {
  /** Files that are there from a moment of the start on. */
  const moments: readonly (readonly [string, NodeJS.Signals, string, number])[] = [
    ["while Kafka's folder is formatted", "SIGTERM", "run/kafka-format.json", 100],
    ["while ClickHouse starts", "SIGINT", "run/clickhouse.json", 0],
    ["while Kafka starts", "SIGTERM", "run/kafka.json", 300],
    ["when both are there", "SIGINT", "run/kafka.json", 4_000],
  ];
  test.each(moments)("%s, by %s", { timeout: TIMEOUT_MS }, async (_when, signal, file, afterMs) => {
    start();
    while (!existsSync(join(data, file)) && !program.ended) await pause(10);
    await pause(afterMs);
    const tookFrom = performance.now();
    process.kill(program.pid, signal);
    const code = await program.exit();
    console.log(
      `${file} + ${afterMs} ms, ${signal}: ended in ${Math.round(performance.now() - tookFrom)} ms`,
    );
    expect({ code, said: said(), output: program.output }).toEqual({
      code: signal === "SIGINT" ? 130 : 143,
      said: "",
      output: ["Stopping (Ctrl-C again forces it)"],
    });
    const left = readdirSync(join(data, "run"))
      .map((name) => readIdentity(join(data, "run", name)))
      .filter((identity) => identity && identity.pid !== program.pid && isAlive(identity));
    expect(left).toEqual([]);
  });
});
