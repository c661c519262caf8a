/**
 * The distance that a device says, as far as it can be trusted: what it leapt by is taken off again. A fix on the other side of a
 * river, or of the world, moves nobody: neither is somebody who lies still thereby moving, nor have they come to the finish.
 *
 * TD1  A distance that falls is a recording that begins anew, or a leap taken back: from there on it is believed as it is.
 */
import { codecOf, type Reading } from "../../../schemas/index.ts";
import { grownBy, PERSON } from "../plausible.ts";

/** Of the last reading of a device that had a distance. */
export interface TrustedDistance {
  readonly tsMs: number;
  readonly saidM: number;
  /** What of it are leaps. */
  readonly leapM: number;
}

export const TrustedDistance = codecOf<TrustedDistance>("trusted-distance", {
  type: "record",
  name: "TrustedDistance",
  fields: [
    { name: "tsMs", type: "long" },
    { name: "saidM", type: "double" },
    { name: "leapM", type: "double" },
  ],
});

/** `reading` with the distance that can be trusted; the same object where it never leapt. */
export function trusted(
  before: TrustedDistance | undefined,
  reading: Reading,
): { readonly reading: Reading; readonly distance: TrustedDistance | undefined } {
  const { tsMs, distanceM: saidM } = reading;
  if (saidM === null) return { reading, distance: before };
  if (before === undefined || saidM < before.saidM) return { reading, distance: { tsMs, saidM, leapM: 0 } };
  const grownM = saidM - before.saidM;
  const leapM = before.leapM + grownM - grownBy(before.saidM, saidM, tsMs - before.tsMs, PERSON.metres);
  return {
    reading: leapM === 0 ? reading : { ...reading, distanceM: saidM - leapM },
    distance: { tsMs, saidM, leapM },
  };
}
