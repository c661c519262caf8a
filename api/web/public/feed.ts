/**
 * What a page watches, kept up to date: the first page of a board and a runner come over a stream; later pages of a board,
 * which nobody watches for long, are asked for again every few seconds.
 */
import {
  ApiError,
  getLeaderboard,
  isRecord,
  type Leaderboard,
  leaderboardStream,
  type Runner,
  runnerStream,
  type View,
} from "./api.ts";
import { type StreamState, type Subscription, subscribe } from "./sse.ts";
import { PAGE_ROWS } from "./view.ts";

const POLL_MS = 4000;

export interface FeedHandlers<T> {
  onState(state: StreamState): void;
  onData(data: T): void;
  /** Final: there is nothing to see here, and why. */
  onRefused(error: ApiError): void;
}

export function watchLeaderboard(
  race: string,
  view: View,
  handlers: FeedHandlers<Leaderboard>,
): Subscription {
  if (view.offset > 0) return poll((signal) => getLeaderboard(race, view, PAGE_ROWS, signal), handlers);
  return stream(leaderboardStream(race, view, PAGE_ROWS), handlers);
}

export function watchRunner(race: string, bib: string, handlers: FeedHandlers<Runner>): Subscription {
  return stream(runnerStream(race, bib), handlers);
}

function stream<T extends object>(url: string, handlers: FeedHandlers<T>): Subscription {
  let state: T | null = null;
  return subscribe(url, {
    onState(connection, status) {
      if (connection === "refused") handlers.onRefused(new ApiError(status ?? 0, ""));
      handlers.onState(connection);
    },
    onEvent(type, data) {
      if (!isRecord(data)) return;
      if (type === "snapshot") state = data as T;
      else if (type === "change" && state) state = { ...state, ...data };
      else return;
      handlers.onData(state);
    },
  });
}

function poll<T>(ask: (signal: AbortSignal) => Promise<T>, handlers: FeedHandlers<T>): Subscription {
  const closed = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  async function once(): Promise<void> {
    try {
      handlers.onData(await ask(closed.signal));
      handlers.onState("live");
    } catch (error) {
      if (closed.signal.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) {
        handlers.onRefused(error);
        handlers.onState("refused");
        return;
      }
      handlers.onState("reconnecting");
    }
    timer = setTimeout(() => void once(), POLL_MS);
  }
  handlers.onState("connecting");
  void once();
  return {
    close() {
      closed.abort();
      clearTimeout(timer);
    },
  };
}
