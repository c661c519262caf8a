/** A reader of server-sent events over a bare socket, for tests: it can stop reading, and tells what was on the wire. */
import { connect, type Socket } from "node:net";

export interface ReceivedEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: unknown;
}

export class EventReader {
  readonly events: ReceivedEvent[] = [];
  status = 0;
  comments = 0;
  closed = false;
  bytes = 0;
  readonly #socket: Socket;
  #rest = "";
  #headersDone = false;

  constructor(url: string, path: string, headers: Record<string, string> = {}) {
    const { hostname, port } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port) });
    const lines = Object.entries({ host: `${hostname}:${port}`, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.#socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
    this.#socket.setEncoding("utf8");
    this.#socket.on("data", (text: string) => this.#received(text));
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.closed = true;
    });
  }

  /** Names of the events so far, joined by spaces. */
  get names(): string {
    return this.events.map(({ event }) => event).join(" ");
  }

  get last(): ReceivedEvent | undefined {
    return this.events.at(-1);
  }

  stopReading(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(text: string): void {
    this.bytes += text.length;
    this.#rest += text;
    if (!this.#headersDone) {
      const end = this.#rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.status = Number(this.#rest.slice(9, 12));
      this.#rest = this.#rest.slice(end + 4);
      this.#headersDone = true;
    }
    // Chunk sizes stand on lines of their own, which end in CR LF; the stream's own lines end in LF.
    const lines = this.#rest.split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) if (!line.endsWith("\r")) this.#line(line);
  }

  #event = "";
  #id: string | undefined;
  #data = "";

  #line(line: string): void {
    if (line === "") {
      if (this.#data !== "")
        this.events.push({ event: this.#event, id: this.#id, data: JSON.parse(this.#data) });
      this.#event = "";
      this.#id = undefined;
      this.#data = "";
    } else if (line.startsWith(":")) this.comments++;
    else if (line.startsWith("event: ")) this.#event = line.slice(7);
    else if (line.startsWith("id: ")) this.#id = line.slice(4);
    else if (line.startsWith("data: ")) this.#data += line.slice(6);
  }
}
