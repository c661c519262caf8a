/**
 * Turns for requests that cost more than a look-up: a board of a thousand rows is some milliseconds of the thread.
 *
 * TU1  At most one a turn of the loop, clients in turns: who asks for one waits for one of each of the others, however many any of
 *      them has asked for.
 * TU2  What waits on behalf of a client is bounded, and so is what has been answered and not been taken: beyond, 429.
 */
import type { ServerResponse } from "node:http";
import type { FastifyRequest } from "fastify";
import { clientOf } from "./client-of.ts";
import { FairQueue } from "./fair-queue.ts";
import { Problem } from "./problem.ts";

export interface TurnLimits {
  /** Requests of a client that may wait. */
  readonly waitingMax: number;
  /** Bytes of answers that a client may leave with us. */
  readonly untakenMax: number;
}

export const TURN_LIMITS: TurnLimits = { waitingMax: 200, untakenMax: 8 * 1024 * 1024 };

const RETRY_AFTER_S = 1;

export class Turns {
  readonly #limits: TurnLimits;
  readonly #queue = new FairQueue<() => void>();
  readonly #untaken = new Map<string, number>();
  #taken = false;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Resolves when it is this request's turn. @throws Problem TOO_MANY_REQUESTS (TU2) */
  async take({ raw }: FastifyRequest): Promise<void> {
    const client = clientOf(raw);
    const { waitingMax, untakenMax } = this.#limits;
    if (this.#queue.of(client) >= waitingMax || (this.#untaken.get(client) ?? 0) > untakenMax) {
      const message = "too many requests from where you are, or answers that nobody takes: ask again shortly";
      throw new Problem("TOO_MANY_REQUESTS", message, RETRY_AFTER_S);
    }
    if (!this.#taken && this.#queue.size === 0) return this.#begin();
    await new Promise<void>((resolve) => this.#queue.push(client, resolve));
  }

  /** These bytes are on their way; they count until the connection has taken them (TU2). */
  sends({ raw }: FastifyRequest, response: ServerResponse, bytes: number): void {
    const client = clientOf(raw);
    this.#untaken.set(client, (this.#untaken.get(client) ?? 0) + bytes);
    response.once("close", () => {
      const left = this.#untaken.get(client)! - bytes;
      if (left > 0) this.#untaken.set(client, left);
      else this.#untaken.delete(client);
    });
  }

  /** TU1 */
  #begin(): void {
    this.#taken = true;
    setImmediate(() => {
      this.#taken = false;
      const next = this.#queue.take();
      if (!next) return;
      this.#begin();
      next();
    });
  }
}
