import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Deed, Order } from "./agent.ts";

const AGENT = new URL("./agent.ts", import.meta.url).href;
/** Itself with one worker, a file as those of jobs are. */
const PROGRAM = `
  import { isMainThread, Worker } from "node:worker_threads";
  if (isMainThread)
    new Worker(new URL(import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: 64 } }).on("error", () => {});
  setInterval(() => {}, 1000);
`;
const TIMEOUT_MS = 60_000;

let folder: string;
let path: string;
let program: ChildProcess;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "pacestream-agent-"));
  path = join(folder, "sock");
  const file = join(folder, "program.mjs");
  writeFileSync(file, PROGRAM);
  program = spawn(process.execPath, [file], {
    env: {
      ...process.env,
      CHAOS_AGENT_SOCKET: path,
      NODE_OPTIONS: `--import=${AGENT} --disable-warning=ExperimentalWarning`,
    },
    stdio: "ignore",
  });
  await vi.waitUntil(listens, { timeout: TIMEOUT_MS });
}, TIMEOUT_MS);

/** The socket's file is there a moment before anybody is let in. */
const listens = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });

afterEach(() => {
  program.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

async function order(thread: Order["thread"], deed: Deed): Promise<string> {
  const socket = connect(path);
  socket.write(`${JSON.stringify({ thread, deed, which: 0 } satisfies Order)}\n`);
  const [answer] = await once(socket, "data");
  socket.destroy();
  return String(answer).trim();
}

test.for<Deed["kind"]>(["throw", "out-of-memory", "exit"])(
  "%s of a worker is answered when the worker is no more, and its program lives",
  { timeout: TIMEOUT_MS },
  async (kind) => {
    // Told to nobody while the worker starts.
    await vi.waitUntil(async () => (await order("worker", { kind } as Deed)) === "1", {
      timeout: TIMEOUT_MS,
    });
    expect(await order("worker", { kind } as Deed)).toBe("none");
    expect(program.exitCode).toBeNull();
  },
);

test("a throw in the main thread ends the program", { timeout: TIMEOUT_MS }, async () => {
  const ended = once(program, "exit");
  expect(await order("main", { kind: "throw" })).toBe("main");
  expect((await ended)[0]).toBe(1);
});
