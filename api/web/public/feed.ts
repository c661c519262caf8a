/** What a page watches, over one stream: complete at first, then kept up to date by what changed. */
import {
  isRecord,
  type Leaderboard,
  leaderboardStream,
  type Runner,
  runnerStream,
  type View,
} from "./api.ts";
import { changedLeaderboard, changedRunner, type LeaderboardChange, type RunnerChange } from "./changes.ts";
import { type StreamOptions, type StreamState, type Subscription, subscribe } from "./sse.ts";
import { PAGE_ROWS } from "./view.ts";

export interface FeedHandlers<T> {
  onState(state: StreamState): void;
  onData(data: T): void;
  /** Final: there is nothing to see here, and why. */
  onRefused(message: string): void;
}

export function watchLeaderboard(
  race: string,
  view: View,
  handlers: FeedHandlers<Leaderboard>,
): Subscription {
  return watch<Leaderboard, LeaderboardChange>(
    leaderboardStream(race, view, PAGE_ROWS),
    changedLeaderboard,
    handlers,
  );
}

export function watchRunner(race: string, bib: string, handlers: FeedHandlers<Runner>): Subscription {
  return watch<Runner, RunnerChange>(runnerStream(race, bib), changedRunner, handlers);
}

export function watch<T extends object, C>(
  url: string,
  apply: (before: T, change: C) => T,
  handlers: FeedHandlers<T>,
  options?: StreamOptions,
): Subscription {
  let state: T | undefined;
  let connection: StreamState = "connecting";
  let isStuck = false;
  const tellState = (): void => handlers.onState(connection === "live" && isStuck ? "delayed" : connection);
  const onEvent = (type: string, data: unknown): void => {
    if (type === "status") {
      isStuck = isRecord(data) && Array.isArray(data.problems) && data.problems.length > 0;
      tellState();
      return;
    }
    // `reset` needs no answer, a snapshot follows it; nor does `bye`, the end of the connection does.
    if (!isRecord(data) || (type !== "snapshot" && type !== "change")) return;
    if (type === "snapshot") state = data as T;
    else if (state) state = apply(state, data as C);
    if (state) handlers.onData(state);
  };
  const onState = (now: StreamState): void => {
    connection = now;
    // Who connects is told at once if something is stuck, and nothing otherwise.
    isStuck = false;
    tellState();
  };
  const onRefused = (message: string): void => handlers.onRefused(message);
  return subscribe(url, { onEvent, onState, onRefused }, options);
}
