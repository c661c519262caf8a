/** Thousands of spectators that only keep a connection: they come back all at once, or stop reading. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

interface Spectator {
  socket: Socket;
  welcomed: boolean;
  refused: boolean;
}

export class Crowd {
  readonly #path: string;
  readonly #spectators: Spectator[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  get size(): number {
    return this.#spectators.length;
  }

  /** Everybody comes to `url`, at once, those who were there too. @param lastEventId what they have seen. */
  rush(url: string, size: number, lastEventId: string | undefined): void {
    for (const { socket } of this.#spectators) socket.destroy();
    this.#spectators.length = 0;
    for (let i = 0; i < size; i++) this.#spectators.push(this.#join(url, lastEventId));
  }

  /** Until everybody is answered. @returns how many were let in within `maxMs`. */
  async welcomed(maxMs: number): Promise<number> {
    const deadlineMs = performance.now() + maxMs;
    while (this.#spectators.some(({ welcomed, refused }) => !welcomed && !refused)) {
      if (performance.now() > deadlineMs) break;
      await sleep(20);
    }
    return this.#spectators.filter(({ welcomed }) => welcomed).length;
  }

  /** A share of them reads no more. @returns how many. */
  freeze(share: number): number {
    const frozen = this.#spectators.slice(0, Math.round(this.#spectators.length * share));
    for (const { socket } of frozen) socket.pause();
    return frozen.length;
  }

  thaw(): void {
    for (const { socket } of this.#spectators) socket.resume();
  }

  close(): void {
    for (const { socket } of this.#spectators) socket.destroy();
    this.#spectators.length = 0;
  }

  #join(url: string, lastEventId: string | undefined): Spectator {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    const spectator: Spectator = { socket, welcomed: false, refused: false };
    const id = lastEventId === undefined ? "" : `last-event-id: ${lastEventId}\r\n`;
    socket.write(`GET ${this.#path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${id}\r\n`);
    socket.on("data", (bytes) => {
      if (spectator.welcomed || spectator.refused) return;
      if (bytes.toString("latin1", 9, 12) === "200") spectator.welcomed = true;
      else spectator.refused = true;
    });
    socket.on("error", () => {
      spectator.refused = true;
    });
    return spectator;
  }
}
