/** Freezes what changes hands in tests (operators/hand-over.ts). */
import type { HandOver } from "../operators/hand-over.ts";

/** Plain values; an object of a class keeps its own counsel, and bytes cannot be frozen. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value;
  Object.freeze(value);
  for (const each of Object.values(value)) deepFreeze(each);
  return value;
}

const CHANGED = /read only property|not extensible|Cannot (delete|define|redefine) property/;

export const freezing: HandOver = {
  freeze: deepFreeze,
  explain(error) {
    if (!(error instanceof TypeError) || !CHANGED.test(error.message)) return error;
    return new TypeError(
      `${error.message}: a value was changed in place that others have, too (another branch, state, a window); make a new one`,
      { cause: error },
    );
  },
};
