/**
 * A chaos run: a cluster under a steady load, faults one after the other as a seed has them, and a verdict.
 *
 * CR1  The seed decides the race, the order of the faults and what is random in each. (What the processes make of it is theirs:
 *      a run can be asked for again, not replayed instruction by instruction. For that there is the simulation.)
 * CR2  One fault at a time; the next comes when everything flows again, or it is said that it does not.
 * CR3  However it ends, nothing is left running; what did not run is listed as not run.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { randomFrom } from "../../runtime/testing/random.ts";
import { sql } from "../acceptance/standings-of.ts";
import { announceStrictRules } from "./alerts-due.ts";
import { Cluster } from "./cluster.ts";
import { Crowd } from "./crowd.ts";
import { judgeDevices } from "./devices.ts";
import type { Fault } from "./faults/index.ts";
import { Flow, type Sample } from "./flow.ts";
import { Follower, type SeenBoards } from "./follower.ts";
import { type ChaosRace, makeRace, writeRaceFolder } from "./race.ts";
import { judgeRun, type Poison, type Verdict } from "./verdict.ts";

export interface RunOptions {
  /** How long the load lasts. */
  readonly minutes: number;
  /** Ends sooner when each fault has had its turn: the rest of the race is then replayed at top speed. */
  readonly once?: boolean;
  readonly seed: number;
  /** Each at least once if the time allows. */
  readonly faults: readonly Fault[];
  readonly brokers: 1 | 3;
  readonly nodes: number;
  readonly readsPerSecond: number;
  /** Every limit is so many times longer: on a machine that has other work too, how fast it recovers says nothing. */
  readonly patience: number;
  readonly dataDir: string;
  readonly tell: (line: string) => void;
  /** A line that moves: how it is now. */
  readonly moving: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A fault as it went. Times since the run began. */
export interface Incident {
  readonly fault: string;
  readonly rows: readonly number[];
  readonly detail: string;
  readonly injectedMs: number;
  readonly healedMs: number;
  /** From heal, or from injection where nothing heals. Null: the load ended before it could be seen. */
  readonly recoveryMs: number | null;
  readonly recoversWithinS: number;
  readonly violation: string | undefined;
}

export interface RunReport {
  readonly seed: number;
  readonly minutes: number;
  readonly brokers: number;
  readonly nodes: number;
  readonly reads: number;
  readonly tookMs: number;
  readonly incidents: readonly Incident[];
  /** Faults that could not be tried, or were not come to, and why. */
  readonly notRun: readonly { readonly fault: string; readonly why: string }[];
  readonly samples: readonly Sample[];
  readonly verdict: Verdict;
  readonly spectators: readonly {
    readonly name: string;
    readonly connects: number;
    readonly events: number;
    readonly resets: number;
  }[];
  readonly violations: readonly string[];
  readonly interrupted: boolean;
}

/** What does not flow again after this long counts as not coming back. */
const RECOVERY_MAX_MS = 120_000;
/** Every result must be there so long after the last read. */
const COMPLETE_MAX_MS = 180_000;
const FIRST_FLOW_MAX_MS = 120_000;
/** So long after the last upload every window must have closed: a minute of quiet, and what is between. */
const WINDOWS_CLOSE_MAX_MS = 150_000;
/** Once more after this long, so that what was only on its way is not called lost. */
const SECOND_LOOK_MS = 10_000;
/** So long after they are written every task has the rules. */
const RULES_KNOWN_MS = 2_000;
const WINDOW = 50;

export async function runChaos(options: RunOptions): Promise<RunReport> {
  const { minutes, seed, dataDir, readsPerSecond, tell } = options;
  mkdirSync(dataDir, { recursive: true });
  const race = makeRace(seed, Math.round(readsPerSecond * minutes * 60));
  const raceFolder = join(dataDir, "race");
  writeRaceFolder(race, raceFolder);
  const random = randomFrom(seed ^ 0x5eed);
  tell(
    `seed ${seed}: ${race.reads.size} reads in ${minutes} min; starting ${options.brokers} broker(s) and ${options.nodes} nodes`,
  );
  const cluster = await Cluster.start({
    dataDir,
    brokers: options.brokers,
    nodes: options.nodes,
    raceFolder,
    smallDisks: options.faults.some(({ name }) => name.endsWith("disk-full")),
    speed: race.spanMs / (minutes * 60_000),
    seed,
    minutes,
    random,
    log: (line) => tell(`  ${line}`),
    signal: options.signal,
  });
  const path = `/v1/races/${race.id}/leaderboard/stream?at=finish&limit=${WINDOW}`;
  const followers = spectators(cluster, path);
  const flow = new Flow(cluster.clickHouse.connection, followers);
  const crowd = new Crowd(path);
  try {
    await flow.open(cluster.kafka);
    return await new Run(options, race, cluster, flow, followers, crowd, random).run();
  } finally {
    options.moving("stopping");
    crowd.close();
    for (const follower of followers) follower.close();
    await flow.close();
    await cluster.stop(); // CR3
  }
}

/** Two at each node, one that stays and one that goes to another node whenever it has lost its connection. */
function spectators({ nodes }: Cluster, path: string): Follower[] {
  const seen: SeenBoards = new Map();
  const urls = nodes.map(({ url }) => url);
  return nodes.flatMap(({ name, url }, index) => [
    new Follower({ name: `spectator of ${name}`, urls: [url], path, seen }),
    new Follower({
      name: `wandering spectator ${index + 1}`,
      urls: [...urls.slice(index), ...urls.slice(0, index)],
      path,
      seen,
    }),
  ]);
}

class Run {
  readonly #options: RunOptions;
  readonly #race: ChaosRace;
  readonly #cluster: Cluster;
  readonly #flow: Flow;
  readonly #followers: readonly Follower[];
  readonly #crowd: Crowd;
  readonly #random: () => number;
  readonly #incidents: Incident[] = [];
  readonly #notRun: { fault: string; why: string }[] = [];
  readonly #poison: Poison[] = [];
  readonly #violations: string[] = [];

  constructor(
    options: RunOptions,
    race: ChaosRace,
    cluster: Cluster,
    flow: Flow,
    followers: readonly Follower[],
    crowd: Crowd,
    random: () => number,
  ) {
    this.#options = options;
    this.#race = race;
    this.#cluster = cluster;
    this.#flow = flow;
    this.#followers = followers;
    this.#crowd = crowd;
    this.#random = random;
  }

  async run(): Promise<RunReport> {
    const { minutes, seed, tell, signal } = this.#options;
    await announceStrictRules(this.#cluster.kafka);
    await this.#pause(RULES_KNOWN_MS);
    this.#cluster.load();
    const status = setInterval(() => this.#options.moving(this.#status()), 500);
    try {
      const first = await this.#flow.recovery(
        Date.now(),
        FIRST_FLOW_MAX_MS * this.#options.patience,
        signal,
        () => false,
      );
      if (typeof first === "number") await this.#faults();
      else if (!signal.aborted) this.#violations.push("results do not flow before any fault");
      if (!signal.aborted) await this.#completion();
      tell("judging");
      const verdict = signal.aborted ? { violations: [], compared: {} } : await this.#verdict();
      this.#violations.push(...this.#cluster.unexpectedEnds);
      return {
        seed,
        minutes,
        brokers: this.#cluster.brokers.count,
        nodes: this.#cluster.nodes.length,
        reads: this.#race.reads.size,
        tookMs: this.#flow.nowMs,
        incidents: this.#incidents,
        notRun: this.#notRun,
        samples: this.#flow.samples,
        verdict,
        spectators: this.#followers.map(({ name, counts }) => ({ name, ...counts })),
        violations: [
          ...this.#incidents.flatMap(({ fault, violation }) => (violation ? [`${fault}: ${violation}`] : [])),
          ...this.#violations,
          ...verdict.violations,
        ],
        interrupted: signal.aborted,
      };
    } finally {
      clearInterval(status);
    }
  }

  /** CR2. */
  async #faults(): Promise<void> {
    const { faults, minutes, once = false, signal } = this.#options;
    const usable = faults.filter((fault) => {
      const why = fault.unavailable?.(this.#cluster);
      if (why !== undefined) this.#notRun.push({ fault: fault.name, why });
      return why === undefined;
    });
    const endMs = this.#flow.nowMs + minutes * 60_000;
    let queue: Fault[] = [];
    const left = new Set(usable);
    while (!signal.aborted && usable.length > 0 && !this.#loadEnded() && this.#flow.nowMs < endMs) {
      if (queue.length === 0) queue = shuffled(usable, this.#random);
      const fault = queue.pop()!;
      await this.#pause(500 + this.#random() * 2_500);
      if (signal.aborted || this.#loadEnded()) break;
      await this.#one(fault);
      left.delete(fault);
      if (once && left.size === 0) break;
    }
    for (const { name } of left) this.#notRun.push({ fault: name, why: "the time was up before its turn" });
  }

  async #one(fault: Fault): Promise<void> {
    const { tell, signal, patience } = this.#options;
    const withinS = fault.recoversWithinS * patience;
    const maxMs = RECOVERY_MAX_MS * patience;
    const injectedMs = this.#flow.nowMs;
    let detail = "";
    let broken: string | undefined;
    let heal: (() => Promise<string | undefined> | string | undefined) | undefined;
    tell(`${clock(injectedMs)} ${fault.name}: ${fault.what}`);
    try {
      const injected = await fault.inject({
        cluster: this.#cluster,
        random: this.#random,
        poison: this.#poison,
        followers: this.#followers,
        crowd: this.#crowd,
        signal,
      });
      ({ detail, heal } = injected);
      tell(`         ${detail}`);
      if (injected.holdMs) await this.#pause(injected.holdMs);
      broken = await heal?.();
    } catch (error) {
      // A fault that could not be brought about says nothing about the product; a heal that fails leaves it broken.
      const what = heal ? "healed" : "injected";
      broken = `could not be ${what}: ${(error as Error).message}`;
    }
    const healedMs = this.#flow.nowMs; // or the end of an injection that nothing heals
    const since = Date.now() - (this.#flow.nowMs - healedMs);
    const recovery = await this.#flow.recovery(since, maxMs, signal, () => this.#loadEnded());
    const recoveryMs = typeof recovery === "number" ? recovery : null;
    const late =
      typeof recovery === "object" && !signal.aborted
        ? `did not recover within ${maxMs / 1000} s; missing: ${recovery.missing}`
        : recoveryMs !== null && recoveryMs > withinS * 1000
          ? `recovered after ${(recoveryMs / 1000).toFixed(1)} s, should within ${withinS} s`
          : undefined;
    const violation = broken ?? late;
    tell(
      `         ${violation ? `VIOLATION: ${violation}` : recoveryMs === null ? "the race ended meanwhile" : `flows again after ${(recoveryMs / 1000).toFixed(1)} s`}`,
    );
    this.#incidents.push({
      fault: fault.name,
      rows: fault.rows,
      detail,
      injectedMs,
      healedMs,
      recoveryMs,
      recoversWithinS: withinS,
      violation,
    });
  }

  /** Waits until everything that was sent should have come through; whatever is missing then is the verdict's to say. */
  async #completion(): Promise<void> {
    const { tell, once, signal, patience } = this.#options;
    const maxMs = COMPLETE_MAX_MS * patience;
    tell(`${clock(this.#flow.nowMs)} no more faults; waiting for the end of the race`);
    if (once && !this.#loadEnded()) await this.#cluster.hurry();
    while (!this.#cluster.loads.every(({ done }) => done) && !signal.aborted) await this.#pause(200);
    const endedMs = Date.now();
    for (;;) {
      const missing = await this.#incomplete();
      if (missing === undefined || signal.aborted) return;
      if (Date.now() - endedMs > maxMs) {
        this.#violations.push(`not complete ${maxMs / 1000} s after the last read: ${missing}`);
        return;
      }
      await this.#pause(500);
    }
  }

  /** What is not there yet; undefined: nothing. */
  async #incomplete(): Promise<string | undefined> {
    const { outcomes } = this.#flow;
    if (outcomes < this.#race.reads.size) return `${outcomes} outcomes of ${this.#race.reads.size}`;
    const expected = [...this.#race.statuses.values()];
    try {
      const states = await sql<{ status: string; runners: number }>(
        this.#cluster.clickHouse.connection,
        "SELECT status, count() AS runners FROM runners WHERE race = {race: String} GROUP BY status",
        { race: this.#race.id },
      );
      for (const name of ["finished", "dnf", "registered"]) {
        const found = states.find(({ status }) => status === name)?.runners ?? 0;
        const should = expected.filter((status) => status === name).length;
        if (found !== should) return `${found} runners are ${name} in ClickHouse, should be ${should}`;
      }
      return undefined;
    } catch (error) {
      return `ClickHouse does not answer: ${(error as Error).message}`;
    }
  }

  async #verdict(): Promise<Verdict> {
    const input = {
      race: this.#race,
      kafka: this.#cluster.kafka,
      clickHouse: this.#cluster.clickHouse.connection,
      apis: this.#cluster.nodes.map(({ url }) => url),
      followers: this.#followers,
      boardRows: WINDOW,
      poison: this.#poison,
    };
    let race = await judgeRun(input);
    if (race.violations.length > 0) {
      await this.#pause(SECOND_LOOK_MS);
      race = await judgeRun(input);
    }
    const devices = await this.#devicesVerdict();
    return {
      violations: [...race.violations, ...devices.violations],
      compared: { ...race.compared, ...devices.compared },
    };
  }

  /** The last windows close when nothing has come for a while, by the clock: what is missing until then is not lost. */
  async #devicesVerdict(): Promise<Verdict> {
    const { kafka, clickHouse } = this.#cluster;
    const deadlineMs = performance.now() + WINDOWS_CLOSE_MAX_MS * this.#options.patience;
    for (;;) {
      const verdict = await judgeDevices(kafka, clickHouse.connection);
      if (verdict.violations.length === 0 || performance.now() > deadlineMs) return verdict;
      if (this.#options.signal.aborted) return verdict;
      await this.#pause(SECOND_LOOK_MS);
    }
  }

  #loadEnded(): boolean {
    return this.#cluster.loader?.done ?? false;
  }

  #status(): string {
    const sample = this.#flow.samples.at(-1);
    const { sent, outcomes, rows } = this.#flow;
    const lag = sample
      ? `lag ${(sample.lagMs / 1000).toFixed(1)} s, in ClickHouse ${(sample.rowLagMs / 1000).toFixed(1)} s`
      : "";
    return `${clock(this.#flow.nowMs)} sent ${sent} of ${this.#race.reads.size}, outcomes ${outcomes}, rows ${rows}; ${lag}`;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#options.signal }).catch(() => undefined);
  }
}

/** `2:05` */
export function clock(ms: number): string {
  const s = Math.floor(ms / 1000);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
