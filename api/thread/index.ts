/**
 * The API on a thread of its own, as the main thread sees it: made, told what to serve, answered, made anew when it dies, ended.
 *
 * T1  What the thread asks is answered, or refused with what went wrong; a failure here never ends the process.
 * T2  A thread that dies is replaced, on the same port, after a pause that grows; that is logged and counted.
 * T3  Closing ends it in order; one that does not end is ended.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { FastifyBaseLogger } from "fastify";
import { Counter, type Registry } from "prom-client";
import type { Problem } from "../../runtime/health.ts";
import type { CorrectionDesk, JobControl } from "../control/control.ts";
import type { AcknowledgementDesk } from "../live/alerts/acknowledge.ts";
import type { Api } from "../server.ts";
import { type Ask, type FromApi, received, type Serve, sent, type ToApi } from "./messages.ts";

export interface ApiThreadOptions
  extends Omit<
      Serve,
      "can" | "host" | "portFallback" | "controlToken" | "healthData" | "athletes" | "limits"
    >,
    Partial<Pick<Serve, "host" | "portFallback" | "controlToken" | "healthData" | "athletes" | "limits">> {
  readonly log: FastifyBaseLogger;
  /** The main thread's; what it counts is shown beside what the API counts. */
  readonly registry: Registry;
  readonly jobs?: JobControl;
  readonly corrections?: CorrectionDesk;
  readonly acknowledgements?: AcknowledgementDesk;
  /** What is stuck of the rest of the program. */
  readonly problems?: () => readonly Problem[];
}

export interface ApiThread {
  /** Serves, once for each thread. @throws ConfigError when the port is taken */
  serve(options: ApiThreadOptions): Promise<Api>;
  /** Also without having served. */
  close(): Promise<void>;
}

/** A field of fifty thousand with its alerts takes a tenth. What is beyond it is a leak, and costs the API alone. */
const HEAP_MAX_MB = 1_024;
const YOUNG_GENERATION_MB = 32;
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 10_000;
/** Lived so long: what happened before has nothing to do with what happened now. */
const SETTLED_MS = 60_000;
/** Readers are given two seconds, the log one; then the thread is ended. */
const CLOSE_MAX_MS = 6_000;
const ENTRY = new URL("./entry.ts", import.meta.url);

/** Makes the thread, which begins to load; it serves when it is told to. */
export function openApiThread({ entry = ENTRY } = {}): ApiThread {
  const worker = newWorker(entry);
  let serving: Serving | undefined;
  return {
    async serve(options) {
      serving = new Serving(options, worker, () => newWorker(entry));
      return serving.begin();
    },
    async close() {
      if (serving) await serving.close();
      else await worker.terminate();
    },
  };
}

function newWorker(entry: URL): Worker {
  const worker = new Worker(entry, {
    name: "api",
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  // Heard again by who serves: unheard, it would end the process.
  worker.on("error", () => undefined);
  return worker;
}

class Serving {
  readonly #options: ApiThreadOptions;
  readonly #newWorker: () => Worker;
  readonly #restarts: Counter;
  readonly #ready = Promise.withResolvers<void>();
  #worker: Worker;
  #serve: Serve;
  #url = "";
  #closing = false;
  #failures = 0;
  #servingSinceMs = 0;
  #exited: Promise<void> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(options: ApiThreadOptions, worker: Worker, newWorker: () => Worker) {
    this.#options = options;
    this.#worker = worker;
    this.#newWorker = newWorker;
    this.#serve = serveOf(options);
    this.#restarts = new Counter({
      name: "pacestream_api_restarts_total",
      help: "Times that the API's thread died and was made anew",
      registers: [options.registry],
    });
  }

  async begin(): Promise<Api> {
    this.#url = await this.#run();
    // From now on the port is ours: who comes back finds us where we were.
    this.#serve = { ...this.#serve, port: Number(new URL(this.#url).port), portFallback: false };
    return { url: this.#url, ready: this.#ready.promise, close: () => this.close() };
  }

  /** T3 */
  async close(): Promise<void> {
    this.#closing = true;
    this.#stop.abort();
    const worker = this.#worker;
    const message: ToApi = { kind: "close" };
    worker.postMessage(message);
    const late = sleep(CLOSE_MAX_MS, undefined, { ref: false }).then(() => worker.terminate());
    await Promise.race([this.#exited, late]);
    this.#ready.resolve();
  }

  /** Has the thread serve. Resolves with its address when it does; what comes after that is seen to here. */
  #run(): Promise<string> {
    const worker = this.#worker;
    const listening = Promise.withResolvers<string>();
    let isServing = false;
    let cause: Error | undefined;
    worker.on("message", (message: FromApi) => {
      switch (message.kind) {
        case "listening":
          isServing = true;
          this.#servingSinceMs = performance.now();
          listening.resolve(message.url);
          break;
        case "failed":
          listening.reject(received(message.error));
          break;
        case "ready":
          this.#ready.resolve();
          break;
        case "ask":
          void this.#answer(worker, message.id, message.ask);
          break;
        case "log":
          this.#log(message.line);
          break;
      }
    });
    worker.on("error", (error: Error) => {
      cause = error;
    });
    const exited = Promise.withResolvers<void>();
    this.#exited = exited.promise;
    worker.once("exit", (code) => {
      exited.resolve();
      listening.reject(cause ?? new Error(`the API's thread exited with ${code} before it served`));
      if (isServing && !this.#closing) void this.#replace(cause ?? new Error(`exit code ${code}`));
    });
    const message: ToApi = { kind: "serve", serve: this.#serve };
    worker.postMessage(message);
    return listening.promise;
  }

  /** T2 */
  async #replace(cause: Error): Promise<void> {
    const { log } = this.#options;
    if (performance.now() - this.#servingSinceMs > SETTLED_MS) this.#failures = 0;
    while (!this.#closing) {
      const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** this.#failures++);
      log.error({ err: cause, pauseMs }, "api: its thread died, and is made anew");
      this.#restarts.inc();
      await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#closing) return;
      this.#worker = this.#newWorker();
      try {
        await this.#run();
        log.info({ url: this.#url }, "api: serves again");
        return;
      } catch (error) {
        cause = error as Error;
      }
    }
  }

  /** T1 */
  async #answer(worker: Worker, id: number, ask: Ask): Promise<void> {
    let message: ToApi;
    try {
      message = { kind: "answer", id, value: await this.#do(ask) };
    } catch (error) {
      message = { kind: "refusal", id, error: sent(error) };
    }
    worker.postMessage(message);
  }

  async #do(ask: Ask) {
    const { jobs, corrections, acknowledgements, registry, problems } = this.#options;
    switch (ask.what) {
      case "list-jobs":
        return jobs!.list();
      case "submit-job":
        return jobs!.submit(ask.give);
      case "cancel-job":
        return void (await jobs!.cancel(ask.give));
      case "correct":
        return void (await corrections!.send(ask.give));
      case "acknowledge":
        return void (await acknowledgements!.send(ask.give));
      case "metrics":
        return registry.metrics();
      case "problems":
        return problems?.() ?? [];
    }
  }

  #log(line: string): void {
    const {
      level,
      time: _,
      msg = "",
      ...rest
    } = JSON.parse(line) as { level: number; time: number; msg?: string };
    const { log } = this.#options;
    if (level >= 50) log.error(rest, msg);
    else if (level >= 40) log.warn(rest, msg);
    else log.info(rest, msg);
  }
}

function serveOf(options: ApiThreadOptions): Serve {
  const { kafka, port, host = "127.0.0.1", portFallback = false, controlToken, healthData } = options;
  const { athletes, limits, jobs, corrections, acknowledgements } = options;
  return {
    kafka,
    host,
    port,
    portFallback,
    controlToken,
    healthData,
    athletes,
    limits,
    can: {
      jobs: jobs !== undefined,
      corrections: corrections !== undefined,
      acknowledgements: acknowledgements !== undefined,
    },
  };
}
