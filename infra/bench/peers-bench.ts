/**
 * The peers' bench (`peers/`) as a benchmark's means: a broker of its own, topics, and measured runs of any engine.
 *
 * Owns: what has to be on the machine, the folder of work, and the reading of what the runner says. The runner measures and
 * checks; what is made of the rows is the benchmark's.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../runtime/errors.ts";
import { choosePorts } from "../embedded/ports.ts";
import type { Engine } from "./engines.ts";
import { startCommand, stopCommands } from "./process-tree.ts";

const JAVA_MIN = 17;
const ROOT = join(import.meta.dirname, "../..");
const SCRIPT = join(import.meta.dirname, "peers/run.sh");

/** A row of the runner; columns as in `peers/README.md`. */
export type Row = Readonly<Record<string, string>>;

export interface PeersBenchOptions {
  /** Folder of topics, logs and what is compiled; kept between runs. */
  readonly work: string;
  /** Longest time of one run, seconds. */
  readonly runMaxS: number;
  /** Leave broker's data and topics for the next run. */
  readonly keep: boolean;
  readonly progress: (line: string) => void;
}

/** @throws ConfigError that says what is missing and how to get it. */
export function checkPrerequisites(): void {
  if (process.platform !== "linux")
    throw new ConfigError("this benchmark reads CPU time and memory from /proc: run it on Linux");
  const missing = ["bash", "java", "javac", "mvn"].filter(
    (command) => spawnSync("sh", ["-c", `command -v ${command}`]).status !== 0,
  );
  if (missing.length > 0)
    throw new ConfigError(
      `${missing.join(", ")} not found: this benchmark runs Kafka and its peers on a JDK of version ${JAVA_MIN} or newer, with jars by Maven (Debian: apt install openjdk-17-jdk-headless maven)`,
    );
  const said = spawnSync("javac", ["-version"], { encoding: "utf8" });
  const version = Number(/javac (\d+)/.exec(said.stdout + said.stderr)?.[1]);
  if (!(version >= JAVA_MIN))
    throw new ConfigError(`javac is of version ${version}: this benchmark needs ${JAVA_MIN} or newer`);
}

export class PeersBench {
  readonly #options: PeersBenchOptions;
  readonly #env: Record<string, string>;

  private constructor(options: PeersBenchOptions, env: Record<string, string>) {
    this.#options = options;
    this.#env = env;
  }

  /** Compiles what is not, and starts the broker. */
  static async start(options: PeersBenchOptions): Promise<PeersBench> {
    checkPrerequisites();
    mkdirSync(options.work, { recursive: true });
    const ports = await choosePorts(join(options.work, "ports.json"), { kafka: 0, kafkaController: 0 });
    const bench = new PeersBench(options, {
      PEERS_WORK: options.work,
      PEERS_PORT: String(ports.kafka),
      PEERS_CONTROLLER_PORT: String(ports.kafkaController),
      PEERS_TIMEOUT: String(options.runMaxS),
    });
    const said = await bench.#run("broker (its jars come by Maven at first use)", ["broker-start"]);
    if (said.includes("already up"))
      throw new ConfigError(`another benchmark runs in ${options.work}: wait for it, or give another --work`);
    return bench;
  }

  get brokerPid(): number {
    return Number(readFileSync(join(this.#options.work, "broker.pid"), "utf8"));
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.#env.PEERS_PORT}`;
  }

  /** Compiles an engine's sources and fetches its class path, outside of what is measured. */
  async prepare({ profile }: Engine): Promise<void> {
    if (profile) await this.#run(`${profile}: class path and sources`, ["prepare", profile]);
  }

  /** Fills a topic, or finds it filled by a run that kept it. @returns its expected totals, by name. */
  async topic(name: string, batch: number, readings: number): Promise<Row> {
    const file = join(this.#options.work, `meta.${name}.properties`);
    if (!existsSync(file)) {
      await this.#run(`topic ${name}: what is left of it`, ["delete", name]); // of a run that was stopped while it filled it
      await this.#run(`topic ${name}: ${readings} readings`, [
        "generate",
        name,
        String(batch),
        String(readings),
      ]);
    }
    const lines = readFileSync(file, "utf8").split("\n");
    return Object.fromEntries(lines.flatMap((line) => (/^\w/.test(line) ? [line.split("=", 2)] : [])));
  }

  async windows(engine: Engine, topic: string, env: Readonly<Record<string, string>>): Promise<Row> {
    const command = engine.command("windows", SCRIPT);
    return this.#measured(engine, ["windows", engine.name, topic, ...command], env);
  }

  async alerts(
    engine: Engine,
    rate: number,
    seconds: number,
    env: Readonly<Record<string, string>>,
  ): Promise<Row> {
    const command = engine.command("alerts", SCRIPT);
    return this.#measured(engine, ["alerts", engine.name, String(rate), String(seconds), ...command], env);
  }

  /** Stops the broker and all that was started; forgets the topics unless they are to be kept. */
  async stop(): Promise<void> {
    await stopCommands();
    const { work, keep } = this.#options;
    rmSync(join(work, "broker.pid"), { force: true });
    rmSync(join(work, "state"), { recursive: true, force: true });
    if (keep) return;
    for (const name of readdirSync(work)) if (name.startsWith("meta.")) rmSync(join(work, name));
    rmSync(join(work, "kafka"), { recursive: true, force: true });
  }

  async #measured(
    engine: Engine,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<Row> {
    const out = await this.#run(engine.name, args, { ...engine.env, ...env });
    const row = out.split("\n").findLast((line) => line.startsWith("{"));
    if (!row) throw new Error(`the runner said no row of ${engine.name}:\n${out}`);
    return Object.fromEntries(
      row
        .slice(1, -1)
        .split(", ")
        .map((field) => field.split("=", 2)),
    );
  }

  async #run(
    what: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const began = performance.now();
    const tell = () =>
      this.#options.progress(`${what} … ${Math.round((performance.now() - began) / 1000)} s`);
    tell();
    const telling = setInterval(tell, 5_000);
    try {
      return await startCommand([SCRIPT, ...args], { cwd: ROOT, env: { ...this.#env, ...env } }).ended;
    } finally {
      clearInterval(telling);
    }
  }
}
