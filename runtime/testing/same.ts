/** For oracles: what came out, against what had to. */
import { isDeepStrictEqual } from "node:util";

/** @throws Error that names the first place where they are not the same, and what stands there. */
export function same(what: string, found: unknown, wanted: unknown): void {
  const told = difference(found, wanted);
  if (told !== undefined) throw new Error(`${what}${told}`);
}

/** The first place where they are not the same, and what stands there. */
function difference(found: unknown, wanted: unknown): string | undefined {
  if (isDeepStrictEqual(found, wanted)) return undefined;
  if (typeof found === "object" && typeof wanted === "object" && found !== null && wanted !== null)
    for (const key of new Set([...Object.keys(found), ...Object.keys(wanted)])) {
      const told = difference((found as Alike)[key], (wanted as Alike)[key]);
      if (told !== undefined) return ` ${key}${told}`;
    }
  return ` is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`;
}

type Alike = Record<string, unknown>;
