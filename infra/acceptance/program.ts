/**
 * The whole program as its users run it (`pace up`), in a process of its own that a test can watch and kill.
 *
 * A1  Whatever the test does, `kill()` leaves nothing running: the services end with the program that started them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import type { Summary } from "../cli/once.ts";
import { type RunFile, readRunFile } from "../cli/run-file.ts";
import { clickHouseOf, kafkaOf } from "../embedded/accounts.ts";
import { secret } from "../embedded/secrets.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** As `npm start` has them. */
const NODE_FLAGS = ["--max-semi-space-size=64", "--disable-warning=ExperimentalWarning"];
export const RACES = fileURLToPath(new URL("../races/", import.meta.url));

export class Program {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #heard = new Set<() => void>();

  /**
   * @param args after the command. @param env beside the test's own.
   * @param how `command`: another one than `up`; `stderr`: a file descriptor instead of the test's own standard error;
   *   `root`: of another version of the program.
   */
  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    how: { readonly command?: readonly string[]; readonly stderr?: number; readonly root?: string } = {},
  ) {
    const { command = ["up"], stderr = "inherit", root = ROOT } = how;
    this.#child = spawn(
      process.execPath,
      [...NODE_FLAGS, join(root, "infra/cli/pace.ts"), ...command, ...args],
      {
        stdio: ["ignore", "pipe", stderr],
        env: { ...process.env, UV_THREADPOOL_SIZE: "16", ...env },
      },
    );
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.#child.on("exit", () => this.#wake());
  }

  get output(): readonly string[] {
    return this.#lines;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The first line that fits. @throws Error when the program ends before it. */
  async line(fits: (line: string) => boolean): Promise<string> {
    for (let from = 0; ; ) {
      const found = this.#lines.slice(from).find(fits);
      if (found !== undefined) return found;
      if (this.ended) throw new Error(`the program ended first; it said:\n${this.#lines.join("\n")}`);
      from = this.#lines.length;
      await new Promise<void>((resolve) => this.#heard.add(resolve));
    }
  }

  /** What `--once` prints last. */
  async summary(): Promise<Summary> {
    return JSON.parse(await this.line((line) => line.startsWith("{"))) as Summary;
  }

  /** Pids of the embedded services. */
  services(): { kafka: number | undefined; clickHouse: number | undefined } {
    const children = childrenOf(this.pid);
    const find = (word: string) => children.find((pid) => commandOf(pid).includes(word));
    return { kafka: find("kafka.Kafka"), clickHouse: find("clickhouse-process") };
  }

  /** SIGKILL; resolves when it and its services are gone. */
  async kill(): Promise<void> {
    const services = Object.values(this.services());
    this.#child.kill("SIGKILL");
    await this.exit();
    while (services.some((pid) => pid !== undefined && isRunning(pid))) await pause(20);
  }

  /** As Ctrl-C. Returns the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGINT");
    return this.exit();
  }

  async exit(): Promise<number | null> {
    if (!this.ended) await once(this.#child, "exit");
    return this.#child.exitCode;
  }

  #wake(): void {
    for (const resolve of this.#heard) resolve();
    this.#heard.clear();
  }
}

/** Where the program of a data folder is reached, with its own accounts. */
export function connections(dataDir: string): {
  api: string;
  kafka: KafkaConnection;
  clickHouse: ClickHouseConnection;
  /** Of calls that change something. */
  token: string;
} {
  const run: RunFile | undefined = readRunFile(dataDir);
  if (!run) throw new Error(`no program runs on ${dataDir}`);
  return {
    api: run.api,
    kafka: kafkaOf(dataDir, run.kafka),
    clickHouse: clickHouseOf(dataDir, run.clickHouse.url),
    token: secret(dataDir, "control-token"),
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function childrenOf(pid: number): number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8")
        .trim()
        .split(/\s+/)
        .filter(Boolean)
        .map(Number),
    );
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
