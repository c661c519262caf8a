/**
 * A spectator that follows a board through everything, as a browser does: connects again with the id of its last event, at
 * the same address or another node's, and keeps its board up to date by snapshots and changes alone.
 *
 * What it checks while it follows:
 * FO1  A change never comes before a snapshot.
 * FO2  Ids never go back, unless a `reset` was said on that connection.
 * FO3  Whoever stands at an id sees the same board as everybody else who ever stood there (`sameBoards`).
 */
import { get, type IncomingMessage } from "node:http";
import { eventParser, type ServerEvent } from "../../api/web/public/event-parser.ts";

export interface BoardRow {
  readonly bib: string;
  readonly place: number | null;
  readonly netS: number | null;
  readonly gunS: number | null;
}

interface Board {
  readonly asOf: number | null;
  readonly passed: number;
  readonly rows: readonly BoardRow[];
}

interface BoardChange {
  readonly asOf: number | null;
  readonly passed: number;
  readonly rows?: readonly BoardRow[];
  readonly order?: readonly string[];
}

export interface FollowerOptions {
  readonly name: string;
  /** Base addresses; another one at each connection when there are several. */
  readonly urls: readonly string[];
  readonly path: string;
  /** What everybody has seen at which id (FO3). */
  readonly seen: SeenBoards;
}

/** The board that was seen at an id, as text. */
export type SeenBoards = Map<string, { readonly by: string; readonly board: string }>;

const RETRY_MS = 1_000;
/** Without a byte for so long (a heartbeat comes each 15 s) the connection counts as dead. */
const SILENT_MAX_MS = 20_000;
const VIOLATIONS_MAX = 20;

export class Follower {
  readonly name: string;
  readonly violations: string[] = [];
  readonly #options: FollowerOptions;
  #board: Board | undefined;
  #lastId: string | undefined;
  #connects = 0;
  #events = 0;
  #resets = 0;
  #wasReset = false;
  #response: IncomingMessage | undefined;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: FollowerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#connect();
  }

  get board(): Board | undefined {
    return this.#board;
  }

  get lastId(): string | undefined {
    return this.#lastId;
  }

  get counts(): { connects: number; events: number; resets: number } {
    return { connects: this.#connects, events: this.#events, resets: this.#resets };
  }

  /** The race's clock as this reader knows it, milliseconds; -1 before it knows any. */
  get clockMs(): number {
    const asOf = this.#board?.asOf;
    return asOf === null || asOf === undefined ? -1 : asOf * 1000;
  }

  /** Takes nothing more for a while. */
  freeze(): void {
    this.#response?.pause();
  }

  thaw(): void {
    this.#response?.resume();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#response?.destroy();
  }

  #connect(): void {
    const { urls, path } = this.#options;
    const url = `${urls[this.#connects % urls.length]}${path}`;
    this.#connects++;
    let over = false;
    const again = () => {
      if (over || this.#closed) return;
      over = true;
      this.#response = undefined;
      this.#retry = setTimeout(() => this.#connect(), RETRY_MS);
    };
    const headers = this.#lastId === undefined ? {} : { "last-event-id": this.#lastId };
    const request = get(url, { headers, agent: false }, (response) => {
      if (response.statusCode !== 200) {
        response.destroy();
        again(); // not ready yet, or no such race yet
        return;
      }
      this.#response = response;
      this.#wasReset = false;
      const parser = eventParser((event) => this.#event(event));
      response.setEncoding("utf8");
      response.on("data", (text: string) => parser.push(text));
      response.on("close", again);
      response.on("error", again);
    });
    request.setTimeout(SILENT_MAX_MS, () => request.destroy());
    request.on("error", again);
    request.on("close", again);
  }

  #event({ type, id, data }: ServerEvent): void {
    this.#events++;
    if (type === "reset") {
      this.#resets++;
      this.#wasReset = true;
    } else if (type === "snapshot" || type === "change") {
      if (id === null) this.#violated(`a ${type} without an id`);
      else this.#take(type, id, data);
    }
  }

  #take(type: "snapshot" | "change", id: string, data: string): void {
    if (this.#lastId !== undefined && !this.#wasReset && isBehind(id, this.#lastId)) {
      this.#violated(`${type} ${id} after ${this.#lastId}, without a reset`); // FO2
    }
    this.#wasReset = false;
    this.#lastId = id;
    if (type === "snapshot") this.#board = JSON.parse(data) as Board;
    else if (this.#board) this.#board = changed(this.#board, JSON.parse(data) as BoardChange);
    else this.#violated("a change before any snapshot"); // FO1
    if (this.#board) this.#compare(id, this.#board);
  }

  /** FO3. */
  #compare(id: string, { rows }: Board): void {
    const { seen } = this.#options;
    const board = JSON.stringify(rows.map(({ bib, place, netS, gunS }) => [bib, place, netS, gunS]));
    const before = seen.get(id);
    if (before === undefined) seen.set(id, { by: this.name, board });
    else if (before.board !== board) this.#violated(`another board at ${id} than ${before.by} saw`);
  }

  #violated(what: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(`${this.name}: ${what}`);
  }
}

function changed(before: Board, { asOf, passed, rows = [], order }: BoardChange): Board {
  const byBib = new Map(before.rows.map((row) => [row.bib, row]));
  for (const row of rows) byBib.set(row.bib, row);
  const bibs = order ?? before.rows.map(({ bib }) => bib);
  return { asOf, passed, rows: bibs.flatMap((bib) => byBib.get(bib) ?? []) };
}

/** Whether the position vector `id` has seen less of any partition than `other`. */
function isBehind(id: string, other: string): boolean {
  const offsets = (text: string) => text.split(",").map((part) => Number(part.split(":")[1]));
  const known = offsets(other);
  return offsets(id).some((offset, partition) => offset < (known[partition] ?? 0));
}
