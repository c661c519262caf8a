/**
 * Server-sent events over `fetch`, which unlike `EventSource` lets a page see heartbeats and refusals: a phone that lost
 * its network keeps a dead connection open for minutes, and only the missing heartbeat tells.
 *
 * S1  One connection a subscription; it is closed while the page is hidden, and resumed when it is shown again.
 * S2  A resumed connection sends the last event id it has seen; the server then sends what is missing, or a reset.
 * S3  Nothing heard for `silenceMaxMs`, heartbeats included, counts as a lost connection.
 * S4  A refusal (4xx) at the beginning is final: the page says so instead of asking again. Later it is not: a server that has
 *     just been started does not know its races in the first moments.
 */

import { isRecord } from "./api.ts";
import { eventParser } from "./event-parser.ts";

/** `delayed`: live, but something is stuck inside, so that what is shown may be old. */
export type StreamState = "connecting" | "live" | "delayed" | "reconnecting" | "refused";

export interface StreamHandlers {
  /** One event; `data` is parsed JSON. */
  onEvent(type: string, data: unknown): void;
  onState(state: StreamState): void;
  /** After the state `refused`: what the server said, which may be nothing (S4). */
  onRefused(message: string): void;
}

export interface Subscription {
  close(): void;
}

const SILENCE_MAX_MS = 45_000;
const PAUSE_MIN_MS = 500;
const PAUSE_MAX_MS = 10_000;
/** A glance at another tab should not cost a reconnection. */
const HIDDEN_MAX_MS = 15_000;

export interface StreamOptions {
  readonly silenceMaxMs?: number;
  /** Sent with each connection. */
  readonly headers?: Readonly<Record<string, string>>;
}

export function subscribe(
  url: string,
  handlers: StreamHandlers,
  { silenceMaxMs = SILENCE_MAX_MS, headers: own = {} }: StreamOptions = {},
): Subscription {
  const closed = new AbortController();
  let lastEventId = "";
  let attempt = 0;
  let everLive = false;
  let connection: AbortController | null = null;
  let wake: (() => void) | null = null;

  const parse = eventParser((event) => {
    if (event.id !== null) lastEventId = event.id;
    if (event.data !== "") handlers.onEvent(event.type, JSON.parse(event.data));
  });

  async function connectOnce(): Promise<"refused" | "lost"> {
    const current = new AbortController();
    connection = current;
    const headers = new Headers({ accept: "text/event-stream", ...own });
    if (lastEventId) headers.set("last-event-id", lastEventId);
    let silence = setTimeout(() => current.abort(), silenceMaxMs);
    try {
      const response = await fetch(url, { headers, cache: "no-store", signal: current.signal });
      const refused = response.status >= 400 && response.status < 500 && response.status !== 429;
      if (refused && !everLive) {
        handlers.onState("refused");
        const problem: unknown = await response.json().catch(() => null);
        handlers.onRefused(isRecord(problem) && typeof problem.message === "string" ? problem.message : "");
        return "refused";
      }
      if (!response.ok || !response.body) return "lost";
      attempt = 0;
      everLive = true;
      handlers.onState("live");
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      parse.restart();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return "lost";
        clearTimeout(silence);
        silence = setTimeout(() => current.abort(), silenceMaxMs); // S3
        parse.push(value);
      }
    } catch (error) {
      // A bug of a handler must be seen; what the network throws is the normal end of a connection.
      if (!current.signal.aborted && !(error instanceof TypeError)) console.error(error);
      return "lost";
    } finally {
      clearTimeout(silence);
      current.abort();
      connection = null;
    }
  }

  async function run(): Promise<void> {
    handlers.onState("connecting");
    while (!closed.signal.aborted) {
      if (document.hidden && attempt > 0) await sleep(Number.POSITIVE_INFINITY); // S1
      if (closed.signal.aborted) return;
      const end = await connectOnce();
      if (end === "refused" || closed.signal.aborted) return; // S4
      handlers.onState("reconnecting");
      const ceilingMs = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** attempt++);
      // Jitter: thousands of spectators must not come back in the same instant after a restart.
      await sleep(ceilingMs / 2 + (Math.random() * ceilingMs) / 2);
    }
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : null;
      wake = () => {
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
    });
  }

  let hiding: ReturnType<typeof setTimeout> | undefined;
  const onVisibility = (): void => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(() => connection?.abort(), HIDDEN_MAX_MS);
    else wake?.();
  };
  const options = { signal: closed.signal };
  document.addEventListener("visibilitychange", onVisibility, options);
  window.addEventListener("online", () => wake?.(), options);
  window.addEventListener("offline", () => connection?.abort(), options);

  void run();
  return {
    close() {
      clearTimeout(hiding);
      closed.abort();
      connection?.abort();
      wake?.();
    },
  };
}
