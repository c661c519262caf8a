/**
 * How the program is asked to stop.
 *
 * S1  The first signal asks; everything ends in order.
 * S2  A later one forces: the process ends at once, and its children with it. Signals that come within a moment of the first
 *     are the same wish: npm passes on what the terminal has already sent.
 */
import { constants } from "node:os";

const SAME_WISH_MS = 1_000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Stopping {
  readonly signal: AbortSignal;
  /** The exit code that tells what stopped it, as shells do: 130 for Ctrl-C. */
  exitCode(): number;
}

/** @param tell called once, at the first signal. */
export function listenForStop(tell: () => void): Stopping {
  const asked = new AbortController();
  let askedMs = 0;
  let code = 0;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!asked.signal.aborted) {
        askedMs = performance.now();
        code = 128 + constants.signals[signal];
        tell();
        asked.abort(); // S1
      } else if (performance.now() - askedMs > SAME_WISH_MS) {
        process.exit(code); // S2
      }
    });
  }
  return { signal: asked.signal, exitCode: () => code };
}

/** Resolves once `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
