/**
 * Numbers that authors of jobs give, checked where they are given: a NaN out of a configuration that lacks a field must not
 * become a window that never closes. Each message names the option.
 *
 * OP1  Whatever takes a number from an author takes it through one of these (options.test.ts holds the list of them all).
 */
import { JobError } from "../errors.ts";
import { DURATION_MAX_MS } from "../time.ts";

/** @param what whose it is and how it is called, such as `a watermark's disorderMax` */
export function duration(what: string, ms: unknown, least: 0 | 1): number {
  if (typeof ms === "number" && Number.isInteger(ms) && ms >= least && ms <= DURATION_MAX_MS) return ms;
  const limit = least === 0 ? "0 or more" : "more than 0";
  throw new JobError(
    `${what} is ${shown(ms)}; it has to be whole milliseconds, ${limit} and at most ${DURATION_MAX_MS}, such as seconds(10)`,
  );
}

/** One that may be left out. */
export function optionalDuration(what: string, ms: unknown, least: 0 | 1): void {
  if (ms !== undefined) duration(what, ms, least);
}

/** A shift either way. */
export function shift(what: string, ms: unknown): number {
  if (typeof ms === "number" && Number.isInteger(ms) && Math.abs(ms) <= DURATION_MAX_MS) return ms;
  throw new JobError(
    `${what} is ${shown(ms)}; it has to be whole milliseconds, at most ${DURATION_MAX_MS} either way`,
  );
}

export function count(what: string, number: unknown, most = 1_000_000_000): number {
  if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw new JobError(
    `${what} is ${shown(number)}; it has to be a whole number, at least 1 and at most ${most}`,
  );
}

export function oneOf<const Choice extends string>(
  what: string,
  choice: unknown,
  choices: readonly Choice[],
): Choice {
  for (const allowed of choices) if (allowed === choice) return allowed;
  throw new JobError(
    `${what} is ${shown(choice)}; it has to be ${choices.map((c) => `"${c}"`).join(" or ")}`,
  );
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** A function that is done when its call returns. @param generator whether it may give its values one by one */
export function plain(what: string, given: unknown, generator?: "generator"): void {
  if (typeof given !== "function") throw new JobError(`${what} is ${shown(given)}; it has to be a function`);
  const kind = Object.prototype.toString.call(given);
  if (kind.startsWith("[object Async"))
    throw new JobError(
      `${what} must not be async: a record is done when its call returns. Let what it would wait for come as a topic, by flow.table, flow.broadcast or .join`,
    );
  if (kind === "[object GeneratorFunction]" && generator === undefined)
    throw new JobError(`${what} must not be a generator: nobody asks for what it would give; use flatMap`);
}
