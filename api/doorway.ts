/**
 * Who has a connection: how many at most, and how those who wait to be let in get their turn.
 *
 * D1  Beyond `connectionsMax`, or more than a client's share of them, a connection is answered 503 with when to come again, once, and
 *     ends; far beyond it ends at once.
 * D2  The system hands over one new connection a turn of the loop. Work that is long gives way between its slices for as many turns
 *     as bring somebody in: who waits at the door waits for no more than one slice.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { clientAt } from "./client-of.ts";
import { Problem } from "./problem.ts";

export interface DoorLimits {
  readonly connectionsMax: number;
  /** A client may have one in so many. */
  readonly share: number;
}

/** Twice the readers, so that the share of one that holds many is that of its streams. */
export const DOOR_LIMITS: DoorLimits = { connectionsMax: 10_000, share: 2 };

const RETRY_AFTER_S = 5;
/** Connections that are only to be refused, before they are not even that. */
const REFUSED_MAX = 500;
/** Somebody who is refused says what they want until then, or goes. */
const REFUSED_MS = 2_000;
/** Turns given away in one go. */
const TURNS_MAX = 64;

export class Doorway {
  readonly #limits: DoorLimits;
  readonly #byClient = new Map<string, number>();
  readonly #refused = new Set<Socket>();
  #open = 0;
  #accepted = 0;

  constructor(server: Server, limits: DoorLimits) {
    this.#limits = limits;
    server.on("connection", (socket) => this.#came(socket));
  }

  get open(): number {
    return this.#open;
  }

  /** Refuses what comes over a connection that is one too many (D1). */
  guard(app: FastifyInstance): void {
    app.addHook("onRequest", async ({ raw }, reply) => {
      if (!this.#refused.has(raw.socket)) return;
      reply.header("connection", "close");
      throw new Problem(
        "TOO_MANY_CONNECTIONS",
        "too many connections at the moment, in all or from where you are: try again shortly",
        RETRY_AFTER_S,
      );
    });
  }

  /** D2 */
  readonly giveWay = async (): Promise<void> => {
    // The rest of this turn is the first: nobody comes in before the second.
    for (let turns = 0, quiet = 0; quiet < 2 && turns < TURNS_MAX; turns++) {
      const before = this.#accepted;
      await new Promise(setImmediate);
      quiet = this.#accepted === before ? quiet + 1 : 0;
    }
  };

  #came(socket: Socket): void {
    this.#accepted++;
    const { connectionsMax, share } = this.#limits;
    const client = clientAt(socket.remoteAddress);
    const theirs = this.#byClient.get(client) ?? 0;
    if (this.#open >= connectionsMax || theirs >= Math.ceil(connectionsMax / share)) {
      if (this.#refused.size >= REFUSED_MAX) return void socket.destroy();
      this.#refused.add(socket);
      const late = setTimeout(() => socket.destroy(), REFUSED_MS).unref();
      socket.once("close", () => {
        clearTimeout(late);
        this.#refused.delete(socket);
      });
      return;
    }
    this.#open++;
    this.#byClient.set(client, theirs + 1);
    socket.once("close", () => {
      this.#open--;
      const left = this.#byClient.get(client)! - 1;
      if (left > 0) this.#byClient.set(client, left);
      else this.#byClient.delete(client);
    });
  }
}
