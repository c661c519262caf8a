/**
 * Something of the read model that people watch: one window of a leaderboard, one runner. It only says how to read itself
 * and what changed between two readings; who watches, when, and over what, is the business of the stream.
 */

/** What readers of `before` need to have `after`. */
export interface Change {
  readonly data: object;
  /** Only the clock or counters moved: told less often. */
  readonly minor: boolean;
}

export interface LiveView<S> {
  /** Two requests with the same key watch the same thing and share one stream. */
  readonly key: string;
  /** Empty: whatever race it is. */
  readonly race: string;
  /** The one runner (of alerts: participant) it is about: what is said of that one is told at once. Absent: of many. */
  readonly bib?: string;
  /** The state now, complete: what a `snapshot` event carries. Cheap enough for several times a second. */
  read(): S & object;
  /** `undefined` when a reader would see no difference. The change must hold absolute values: it may be applied twice. */
  changeBetween(before: S, after: S): Change | undefined;
}
