/**
 * What is between a client and the simulated cluster: requests take time, and faults fall on them.
 *
 * N1  A lost answer and a lost request look the same to the client: its connection breaks after a while. In the first case the
 *     deed is done.
 * N2  A request may reach the cluster twice: the client's connection broke, it asked again, and both got through.
 * N3  An `EndTxn` may be stranded: the client's connection breaks, it asks again and goes on, and the first request arrives
 *     later. To the coordinator it is the end of whatever transaction of that epoch is open then: the writer has to see to it
 *     that it is of an old one (T4).
 */
import type { Thread, World } from "./world.ts";

export const REQUESTS = [
  "InitProducerId",
  "AddPartitionsToTxn",
  "Produce",
  "EndTxn",
  "Fetch",
  "ListOffsets",
] as const;
export type RequestKind = (typeof REQUESTS)[number];

export const EFFECTS = ["lose request", "lose answer", "delay", "double", "refuse", "strand"] as const;
export type Effect = (typeof EFFECTS)[number];

/** Falls on requests of a kind while it lasts. */
export interface Disturbance {
  readonly request: RequestKind;
  readonly effect: Effect;
  readonly chance: number;
  readonly untilMs: number;
}

/** Kills the client at a moment of its next request of a kind. */
export interface Trap {
  readonly node: string;
  readonly request: RequestKind;
  readonly moment: "asked" | "done" | "answered";
  readonly spring: () => void;
}

export const BROKEN = Symbol("the connection broke");
export const REFUSED = Symbol("the broker refuses this request");

const USUAL_MS = 0.6;
const BREAKS_AFTER_MS = 400;
const DELAY_MS = 1_500;
/** Longer than it takes to ask again, and to be in the next transaction. */
const STRANDED_MAX_MS = 1_500;

export class Network {
  readonly disturbances: Disturbance[] = [];
  readonly traps: Trap[] = [];
  readonly #world: World;
  /** Called with the client of each `Produce` that is done (N3). */
  readonly #stranded = new Set<(client: Thread) => void>();

  constructor(world: World) {
    this.#world = world;
  }

  markerDelayMs(): number {
    return this.#world.random.latencyMs(USUAL_MS);
  }

  /** @param deed what the cluster does with the request @param client the thread that hears the answer */
  ask<T>(
    node: string,
    client: Thread,
    kind: RequestKind,
    deed: () => T | Promise<T>,
  ): Promise<T | typeof BROKEN | typeof REFUSED> {
    const { random } = this.#world;
    const effect = this.#effectOn(kind);
    this.#spring(node, kind, "asked");
    return new Promise((resolve) => {
      const answer = (value: T | typeof BROKEN | typeof REFUSED, ms: number) =>
        this.#world.after(
          ms,
          () => {
            if (value !== BROKEN) this.#spring(node, kind, "answered");
            resolve(value);
          },
          client,
        );
      const breaks = () => answer(BROKEN, BREAKS_AFTER_MS * (0.1 + random.fraction()));
      if (effect === "lose request") {
        this.#world.mark("request lost");
        breaks();
        return;
      }
      if (effect === "strand") {
        this.#world.mark("EndTxn stranded");
        this.#strand(client, deed);
        breaks();
        return;
      }
      if (effect === "refuse") {
        this.#world.mark("produce refused");
        answer(REFUSED, random.latencyMs(USUAL_MS));
        return;
      }
      const there = random.latencyMs(USUAL_MS) + (effect === "delay" ? DELAY_MS * random.fraction() : 0);
      if (effect === "delay") this.#world.mark("request or answer late");
      this.#world.after(there, async () => {
        const value = await deed();
        this.#spring(node, kind, "done");
        if (kind === "Produce") for (const isProduced of this.#stranded) isProduced(client);
        if (effect === "lose answer") {
          this.#world.mark(kind === "EndTxn" ? "answer to EndTxn lost" : "answer lost");
          breaks();
          return;
        }
        const back = random.latencyMs(USUAL_MS) + (effect === "delay" ? DELAY_MS * random.fraction() : 0);
        answer(value, back);
        // N2: the second copy gets there before the answer to the first.
        if (effect === "double") {
          this.#world.mark("request doubled");
          this.#world.after(back * random.fraction(), () => void deed());
        }
      });
    });
  }

  /** N3: at the worst moment, when a part of a later transaction is written; or at any, if there is none before long. */
  #strand(client: Thread, deed: () => unknown): void {
    const { random } = this.#world;
    let before = random.between(1, 4);
    const isProduced = (by: Thread) => {
      if (by === client && --before === 0) arrive();
    };
    const arrive = () => {
      if (this.#stranded.delete(isProduced)) void deed();
    };
    this.#stranded.add(isProduced);
    this.#world.after(STRANDED_MAX_MS * random.fraction(), arrive);
  }

  #effectOn(kind: RequestKind): Effect | undefined {
    if (this.disturbances.length === 0) return undefined;
    for (const { request, effect, chance, untilMs } of this.disturbances) {
      if (request !== kind || this.#world.nowMs > untilMs) continue;
      if (this.#world.random.chance(chance)) return effect;
    }
    return undefined;
  }

  #spring(node: string, kind: RequestKind, moment: Trap["moment"]): void {
    const at = this.traps.findIndex(
      (trap) => trap.node === node && trap.request === kind && trap.moment === moment,
    );
    if (at < 0) return;
    const [trap] = this.traps.splice(at, 1);
    trap!.spring();
  }
}
