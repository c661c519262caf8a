/**
 * A program under test as a service manager runs it: started again a moment after it ends, until told to stop.
 *
 * SU1  It is told what is going to die: what ends by itself is remembered, and is a violation of its own.
 */
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Program } from "../acceptance/program.ts";
import type { Deed, Order } from "./agent.ts";

export interface SupervisedOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Takes its standard error. */
  readonly stderrFile: string;
  /** Exit code 0 is its end, not a failure: it is not started again. */
  readonly endsByItself?: boolean;
  readonly restartAfterMs: number;
  readonly log: (line: string) => void;
}

/** A heap takes a while to fill. */
const ORDER_MAX_MS = 30_000;
const STOP_MAX_MS = 25_000;
const RESTART_MAX_MS = 40_000;

export class Supervised {
  readonly name: string;
  readonly #options: SupervisedOptions;
  readonly #unexpected: string[] = [];
  readonly #stopping = new AbortController();
  #program: Program;
  /** Of the version that starts next. */
  #root: string | undefined;
  #deathExpected = false;
  #starts = 0;
  #done = false;
  #frozen = false;
  readonly #supervision: Promise<void>;

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.#options = options;
    this.#program = this.#start();
    // Whoever forces the harness to its end leaves nobody behind.
    process.on("exit", this.#endNow);
    this.#supervision = this.#supervise();
  }

  /** How it ended when nobody had asked for it (SU1). */
  get unexpected(): readonly string[] {
    return this.#unexpected;
  }

  get pid(): number {
    return this.#program.pid;
  }

  get running(): boolean {
    return !this.#program.ended;
  }

  /** It has come to its own end. */
  get done(): boolean {
    return this.#done;
  }

  get starts(): number {
    return this.#starts;
  }

  line(fits: (line: string) => boolean): Promise<string> {
    return this.#program.line(fits);
  }

  /** It may end now, once, without that being a violation. */
  expectDeath(): void {
    this.#deathExpected = true;
  }

  /** kill -9. */
  kill(): void {
    if (this.#program.ended) return;
    this.expectDeath();
    process.kill(this.pid, "SIGKILL");
  }

  /** Asks it to end; it is started again. */
  restart(): void {
    if (this.#program.ended) return;
    this.expectDeath();
    process.kill(this.pid, "SIGTERM");
  }

  /** As `restart`, with the version that lies in `root`, by default the harness's own. Resolves when it is ready. */
  async deploy(root: string | undefined, signal: AbortSignal): Promise<void> {
    const { starts } = this;
    this.#root = root;
    this.restart();
    for (
      let waitedMs = 0;
      this.starts === starts && waitedMs < RESTART_MAX_MS && !signal.aborted;
      waitedMs += 100
    )
      await sleep(100);
    if (!signal.aborted) await this.line((line) => line.includes("is ready")).catch(() => undefined);
  }

  freeze(): void {
    this.#frozen = true;
    if (!this.#program.ended) process.kill(this.pid, "SIGSTOP");
  }

  thaw(): void {
    this.#frozen = false;
    if (!this.#program.ended) process.kill(this.pid, "SIGCONT");
  }

  /** Has a thread of it do something (`agent.ts`). @returns which one did. */
  order(thread: Order["thread"], deed: Deed, which = 0): Promise<string> {
    const path = this.#options.env.CHAOS_AGENT_SOCKET!;
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.setTimeout(ORDER_MAX_MS, () =>
        socket.destroy(new Error(`${this.name} does not do ${deed.kind}`)),
      );
      socket.once("error", reject);
      socket.once("data", (answer) => {
        resolve(answer.toString().trim());
        socket.destroy();
      });
      socket.write(`${JSON.stringify({ thread, deed, which } satisfies Order)}\n`);
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.expectDeath();
    if (this.#frozen) this.thaw();
    if (!this.#program.ended) {
      const late = setTimeout(() => process.kill(this.pid, "SIGKILL"), STOP_MAX_MS);
      await this.#program.stop();
      clearTimeout(late);
    }
    await this.#supervision;
    process.off("exit", this.#endNow);
  }

  readonly #endNow = (): void => {
    this.#stopping.abort();
    if (!this.#program.ended) process.kill(this.pid, "SIGKILL");
  };

  #start(): Program {
    const { command, args, env, stderrFile } = this.#options;
    const stderr = openSync(stderrFile, "a");
    this.#starts++;
    const root = this.#root;
    const program = new Program(args, env, { command, stderr, ...(root !== undefined && { root }) });
    closeSync(stderr);
    return program;
  }

  async #supervise(): Promise<void> {
    const { endsByItself = false, restartAfterMs, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const code = await this.#program.exit();
      if (this.#stopping.signal.aborted) return;
      if (endsByItself && code === 0) {
        this.#done = true;
        return;
      }
      if (!this.#deathExpected) {
        this.#unexpected.push(
          `${this.name} ended by itself (${code === null ? "a signal" : `code ${code}`})`,
        );
        log(`${this.name} ended by itself: ${this.#program.output.at(-1) ?? ""}`);
      }
      this.#deathExpected = false;
      await sleep(restartAfterMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      this.#program = this.#start();
    }
  }
}
