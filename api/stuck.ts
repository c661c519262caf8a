/**
 * What is stuck, of the whole program: what the main thread tells, the API's own read models, and a main thread that does not answer.
 * `/readyz`, the metric `pacestream_problem` and the pages' status show these.
 *
 * ST1  Asking never fails and takes no longer than the main thread may: that it does not answer is itself a problem.
 */
import { Gauge, type Registry } from "prom-client";
import type { Problem } from "../runtime/health.ts";
import type { FollowedModel, Follower } from "./live/follower.ts";

export interface StuckOptions {
  /** Of other parts. */
  readonly told: (() => readonly Problem[] | Promise<readonly Problem[]>) | undefined;
  /** By what each keeps. */
  readonly followers: Readonly<Record<string, Follower<FollowedModel>>>;
  readonly registry: Registry;
  /** Unix time, milliseconds. */
  readonly clock: () => number;
}

/** Between two looks on behalf of who watches a page. */
const LOOK_EVERY_MS = 5_000;

export class Stuck {
  readonly #options: StuckOptions;
  #silentSinceMs: number | undefined;
  #looking: NodeJS.Timeout | undefined;
  #shown = "[]";

  constructor(options: StuckOptions) {
    this.#options = options;
    const stuck = this;
    new Gauge({
      name: "pacestream_problem",
      help: "1: this part is stuck, and why; nothing: all is well",
      labelNames: ["part", "code"],
      registers: [options.registry],
      async collect() {
        this.reset();
        for (const { part, code } of await stuck.now()) this.set({ part, code }, 1);
      },
    });
  }

  /** ST1 */
  async now(): Promise<readonly Problem[]> {
    const { followers } = this.#options;
    const own = Object.entries(followers).flatMap(([name, follower]) => {
      const found = follower.problem;
      return found ? [{ part: `read model of ${name}`, ...found }] : [];
    });
    return [...(await this.#told()), ...own];
  }

  /** Calls `tell` when what is stuck has changed since the last call. */
  watch(tell: (problems: readonly Problem[]) => void): void {
    const look = async () => {
      const problems = await this.now();
      const key = JSON.stringify(problems.map(({ part, code }) => [part, code]));
      if (key !== this.#shown && this.#looking) {
        this.#shown = key;
        tell(problems);
      }
    };
    this.#looking = setInterval(() => void look(), LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  /** Whether the thread that everything else runs on answers. */
  async mainAnswers(): Promise<boolean> {
    await this.#told();
    return this.#silentSinceMs === undefined;
  }

  async #told(): Promise<readonly Problem[]> {
    const { told, clock } = this.#options;
    try {
      const problems = (await told?.()) ?? [];
      this.#silentSinceMs = undefined;
      return problems;
    } catch (error) {
      this.#silentSinceMs ??= clock();
      const { message } = error as Error;
      return [
        {
          part: "main thread",
          code: "no-answer",
          message: `the thread that runs jobs and sends to Kafka does not say how it is: ${message}`,
          sinceMs: this.#silentSinceMs,
        },
      ];
    }
  }
}
