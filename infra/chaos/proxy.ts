/**
 * A TCP proxy that does to connections what networks do: delay, loss of one direction, resets, answers that get lost after
 * the deed, requests that arrive much later.
 *
 * PX1  Bytes are never reordered, changed or dropped inside a connection that goes on: as under TCP, what is lost comes late.
 * PX2  Memory is bounded: a direction that is held back takes at most `HELD_MAX` bytes, then its sender waits.
 * PX3  After `heal` the proxy is a plain one, for connections of before too.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

const HELD_MAX = 4 << 20;
/** A lost packet is sent again after about so long. */
const RESEND_MS = [200, 1_000] as const;

export type Direction = "requests" | "answers";

/** What is to be done with a request, of which `chunk` is a part. */
export type Interception =
  /** It goes on, and its answer is never heard: the connection ends when the answer comes. */
  | { readonly kind: "lose-answer"; readonly afterwards?: () => void }
  /** Half of it goes on, then the connection ends. */
  | { readonly kind: "cut" }
  /** It goes on after so long, also when the sender is gone by then. */
  | { readonly kind: "hold"; readonly ms: number }
  /** The sender loses the connection now and may ask again; this one arrives all the same, after so long. */
  | { readonly kind: "strand"; readonly ms: number };

export interface Impairment {
  /** Of each direction. */
  readonly delayMs?: number;
  /** Share of chunks that have to be sent again. */
  readonly loss?: number;
  /** Nothing of this direction arrives until `heal`. */
  readonly stalled?: Direction | "both";
  /** Share of chunks that end the connection instead. */
  readonly resets?: number;
  /** New connections are closed at once, those of before too. */
  readonly refusing?: boolean;
  readonly intercept?: (chunk: Buffer, connection: object) => Interception | undefined;
}

export interface FaultProxy {
  readonly port: number;
  impair(impairment: Impairment): void;
  heal(): void;
  /** Connections now. */
  readonly connections: number;
  close(): Promise<void>;
}

interface Held {
  readonly chunk: Buffer;
  readonly notBeforeMs: number;
}

/** Listens on 127.0.0.1:`port` (0: any free one) and passes on to 127.0.0.1:`target`. */
export async function openProxy(target: number, random: () => number, port = 0): Promise<FaultProxy> {
  const connections = new Set<Connection>();
  let impairment: Impairment = {};
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (impairment.refusing) {
      client.resetAndDestroy();
      return;
    }
    const connection = new Connection(
      client,
      connect({ port: target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true }),
      () => impairment,
      random,
      () => connections.delete(connection),
    );
    connections.add(connection);
  });
  await listen(server, port);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    get connections() {
      return connections.size;
    },
    impair(next) {
      impairment = next;
      if (next.refusing) for (const connection of connections) connection.reset();
    },
    heal() {
      impairment = {};
      for (const connection of connections) connection.flow(); // PX3
    },
    close() {
      for (const connection of connections) connection.reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port }, () => resolve());
  });
}

class Connection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #impairment: () => Impairment;
  readonly #random: () => number;
  readonly #requests: Lane;
  readonly #answers: Lane;
  #losesAnswer: { readonly afterwards?: () => void } | undefined;

  constructor(
    client: Socket,
    server: Socket,
    impairment: () => Impairment,
    random: () => number,
    gone: () => void,
  ) {
    this.#client = client;
    this.#server = server;
    this.#impairment = impairment;
    this.#random = random;
    this.#requests = new Lane(client, server, () => isStalled(this.#impairment(), "requests"));
    this.#answers = new Lane(server, client, () => isStalled(this.#impairment(), "answers"));
    client.on("data", (chunk: Buffer) => this.#request(chunk));
    server.on("data", (chunk: Buffer) => this.#answer(chunk));
    client.on("end", () => this.#requests.end());
    server.on("end", () => this.#answers.end());
    for (const socket of [client, server]) socket.on("error", () => undefined);
    client.on("close", () => this.#requests.end());
    server.on("close", () => {
      client.destroy();
      gone();
    });
  }

  reset(): void {
    this.#requests.drop();
    this.#answers.drop();
    for (const socket of [this.#client, this.#server]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  flow(): void {
    this.#requests.flow();
    this.#answers.flow();
  }

  #request(chunk: Buffer): void {
    const { intercept, resets = 0 } = this.#impairment();
    if (resets > 0 && this.#random() < resets) {
      this.reset();
      return;
    }
    const interception = intercept?.(chunk, this);
    switch (interception?.kind) {
      case "cut":
        this.#server.write(chunk.subarray(0, chunk.length >> 1), () => this.reset());
        return;
      case "lose-answer":
        this.#losesAnswer = interception;
        break;
      case "hold":
        this.#requests.push(chunk, Date.now() + interception.ms);
        return;
      case "strand":
        this.#requests.push(chunk, Date.now() + interception.ms);
        this.#client.resetAndDestroy();
        return;
    }
    this.#requests.push(chunk, this.#arrivalMs());
  }

  #answer(chunk: Buffer): void {
    if (this.#losesAnswer) {
      this.#losesAnswer.afterwards?.();
      this.reset();
      return;
    }
    const { resets = 0 } = this.#impairment();
    if (resets > 0 && this.#random() < resets) {
      // In the middle of the answer.
      this.#client.write(chunk.subarray(0, chunk.length >> 1), () => this.reset());
      return;
    }
    this.#answers.push(chunk, this.#arrivalMs());
  }

  #arrivalMs(): number {
    const { delayMs = 0, loss = 0 } = this.#impairment();
    const [least, most] = RESEND_MS;
    const again = loss > 0 && this.#random() < loss ? least + this.#random() * (most - least) : 0;
    return delayMs + again === 0 ? 0 : Date.now() + delayMs + again;
  }
}

/** One direction: what is on its way, in order (PX1). */
class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #isStalled: () => boolean;
  #held: Held[] = [];
  #bytes = 0;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, isStalled: () => boolean) {
    this.#from = from;
    this.#to = to;
    this.#isStalled = isStalled;
    to.on("drain", () => this.flow());
  }

  push(chunk: Buffer, notBeforeMs: number): void {
    this.#held.push({ chunk, notBeforeMs });
    this.#bytes += chunk.length;
    if (this.#bytes > HELD_MAX) this.#from.pause(); // PX2
    this.flow();
  }

  /** Nothing more comes from the sender: what is on its way arrives, then the receiver is told. */
  end(): void {
    this.#ended = true;
    this.flow();
  }

  drop(): void {
    this.#held = [];
    clearTimeout(this.#timer);
  }

  flow(): void {
    clearTimeout(this.#timer);
    if (this.#isStalled()) return;
    while (this.#held.length > 0) {
      if (this.#to.writableNeedDrain) return;
      const waitMs = this.#held[0]!.notBeforeMs - Date.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.flow(), waitMs);
        return;
      }
      const { chunk } = this.#held.shift()!;
      this.#bytes -= chunk.length;
      if (this.#to.writable) this.#to.write(chunk);
    }
    if (this.#from.isPaused()) this.#from.resume();
    if (this.#ended && this.#to.writable) this.#to.end();
  }
}

function isStalled({ stalled }: Impairment, direction: Direction): boolean {
  return stalled === "both" || stalled === direction;
}
