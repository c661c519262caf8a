/** Says whether what the page shows is live: a chip in words, which a screen reader hears when it changes. */
import { setText } from "./dom.ts";
import type { StreamState } from "./sse.ts";

/** A short loss is no news; a longer one means that what stands on the page is old. */
const STALE_AFTER_MS = 15_000;

type Shown = StreamState | "stale" | "offline";

const WORDS: Record<Shown, string> = {
  connecting: "Connecting",
  live: "Live",
  delayed: "Connected, results may be late",
  reconnecting: "Reconnecting",
  stale: "Out of date, reconnecting",
  offline: "You are offline",
  refused: "Not live",
};

export class ConnectionChip {
  readonly #element: HTMLElement;
  #staleTimer: ReturnType<typeof setTimeout> | undefined;
  #stale = false;

  constructor(element: HTMLElement) {
    this.#element = element;
    this.#show("connecting");
  }

  set(state: StreamState): void {
    if (state === "reconnecting") {
      this.#staleTimer ??= setTimeout(() => {
        this.#stale = true;
        this.#show(lost("stale"));
      }, STALE_AFTER_MS);
      this.#show(lost(this.#stale ? "stale" : "reconnecting"));
      return;
    }
    clearTimeout(this.#staleTimer);
    this.#staleTimer = undefined;
    this.#stale = false;
    this.#show(state);
  }

  #show(shown: Shown): void {
    this.#element.dataset.state = shown;
    setText(this.#element, WORDS[shown]);
  }
}

function lost(otherwise: Shown): Shown {
  return navigator.onLine ? otherwise : "offline";
}
