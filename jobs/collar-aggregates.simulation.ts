/**
 * How the collars' aggregates are simulated: a few animals for some hours, that sleep, wake for a moment, get up and roam;
 * collars out of reach for longer than a rest may be interrupted.
 */
import { hours, minutes } from "../runtime/index.ts";
import type { Random } from "../runtime/testing/index.ts";
import type { Reading } from "../schemas/index.ts";
import { COLLARS } from "./collar-aggregates.ts";
import { NOTHING, simulatedAggregates } from "./lib/aggregates/testing/simulated.ts";

const STEPS_PER_MIN = 90;
const METRES_PER_S = 0.5;

function readings(random: Random, fromMs: number): Reading[] {
  let tsMs = fromMs;
  let distanceM = 0;
  let steps = 0;
  let sleeps = random.chance(0.5);
  return Array.from({ length: random.between(5, 50) }, () => {
    if (random.chance(0.15)) sleeps = !sleeps;
    const stirs = sleeps && random.chance(0.1);
    const sinceMs = minutes(random.pick([1, 1, 5, random.between(1, 25)]));
    tsMs += sinceMs;
    const isMoving = !sleeps || stirs;
    distanceM += isMoving ? (METRES_PER_S * sinceMs) / 1_000 : 0;
    // Turning over in sleep.
    steps += Math.round(((isMoving ? STEPS_PER_MIN : random.between(0, 15)) * sinceMs) / minutes(1));
    const hr = random.chance(0.1) ? null : random.between(25, 310);
    return { ...NOTHING, tsMs, hr, distanceM: Math.fround(distanceM), steps };
  });
}

export const simulation = simulatedAggregates({ options: COLLARS, lengthMax: hours(24), readings });
