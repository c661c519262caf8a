/**
 * What can be measured of a body that moves by its own strength, from what to what, and who says so. It is applied where readings
 * enter: jobs read it of uploads, devices of recordings. What is rare but real lies within; what lies without is a fault of sensor,
 * clock or wire. How a value compares with those beside it, such as a heart rate that leaps, is for the rules of health.
 *
 * PL1  An implausible value is no value: that quantity of the reading is null. The reading counts, and so do its other values.
 * PL2  0 and 255 beats a minute are "not measured": so say straps that lost contact, and FIT's invalid byte.
 * PL3  A counter (distance, steps) that grows faster than anybody can, or falls, has jumped or was set anew: between these two
 *      readings nothing was covered. From the later one it goes on.
 * PL4  NaN and the infinities lie within no bounds.
 */
import type { Reading } from "../../schemas/index.ts";

/** Both ends lie within. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** PL4. */
export const within = (value: number, { min, max }: Bounds): boolean => value >= min && value <= max;

/** `value`, or `null` where it is implausible (PL1). */
export const valueWithin = (value: number | null, bounds: Bounds): number | null =>
  value !== null && within(value, bounds) ? value : null;

/** How a counter may grow: by so much a second, and besides by so much at once. */
export interface Growth {
  readonly perSMax: number;
  readonly atOnceMax: number;
}

/** Who wears the device. `cadence` is by the minute, as devices say it. */
export interface Wearer {
  readonly distanceM: Bounds;
  readonly steps: Bounds;
  readonly cadence: Bounds;
  readonly metres: Growth;
  readonly strides: Growth;
}

/**
 * - speed: running 12.4 m/s (Bolt, Berlin 2009: Graubner and Nixdorf, New Studies in Athletics 26, 2011); a device does not say
 *   its sport, and cyclists go down mountains at 36 m/s;
 * - steps: sprinters make up to 5 a second (Salo et al., Medicine & Science in Sports & Exercise 43, 2011); at the crank
 *   sprinters on the track turn less than 300 a minute;
 * - at once: a watch that finds its satellites again makes up for what it missed (by 46 m within a second in the shipped
 *   recordings), one that counts steps says ten seconds' at a time;
 * - distance: twice round the Earth. The longest certified footrace has 4 989 km (Self-Transcendence 3100 Mile), but a counter
 *   that leapt still counts, and what it leapt by is known (PL3); beyond this a float has no metres any more.
 */
export const PERSON: Wearer = {
  distanceM: { min: 0, max: 80_000_000 },
  steps: { min: 0, max: 1_000_000_000 },
  cadence: { min: 0, max: 360 },
  metres: { perSMax: 40, atOnceMax: 100 },
  strides: { perSMax: 6, atOnceMax: 60 },
};

/**
 * Cats and dogs. Greyhounds run 20 m/s in 3.5 strides a second (Usherwood and Wilson, Nature 438, 2005), the smallest dogs make
 * twice as many; each stride is four steps.
 */
export const ANIMAL: Wearer = {
  distanceM: { min: 0, max: 80_000_000 },
  steps: { min: 0, max: 1_000_000_000 },
  cadence: { min: 0, max: 1_800 },
  metres: { perSMax: 30, atOnceMax: 100 },
  strides: { perSMax: 30, atOnceMax: 300 },
};

/** Beats a minute that a sensor may have measured: 600 is the highest ever documented (Chhabra et al., IPEJ 12, 2012). */
export const HEART_RATE: Bounds = { min: 1, max: 600 };

/** FIT's invalid byte: `heart_rate` is a uint8 (FIT SDK, Profile). */
const HEART_RATE_INVALID = 255;

/**
 * What a person's heart makes in sport: 26 is the lowest rate at rest in Guinness World Records (Brady, 2005), 240 is above
 * what anybody's maximum is (Tanaka et al., JACC 37, 2001: 208 less 0.7 a year, deviation 10). A sensor that says more or less
 * than this has measured something, but no heart.
 */
export const HEART_OF_PERSON: Bounds = { min: 25, max: 240 };

/** A kitten's heart makes 260 beats a minute, a large dog's at rest 60 (Merck Veterinary Manual, resting heart rates). */
export const HEART_OF_ANIMAL: Bounds = { min: 30, max: 300 };

/** WGS 84 degrees. */
export const LATITUDE: Bounds = { min: -90, max: 90 };
export const LONGITUDE: Bounds = { min: -180, max: 180 };

/** Metres above sea level: lower than the shore of the Dead Sea (-430), where FIT's scale begins, to above Everest (8 849). */
export const ALTITUDE_M: Bounds = { min: -500, max: 9_000 };

/** Of a device, in percent. */
export const BATTERY: Bounds = { min: 0, max: 100 };

/**
 * Unix time of a reading: no watch or collar measured before 2000 (the first Forerunner is of 2003); one that has lost its time
 * begins anew in 1970, 1980 (GPS) or on the last day of 1989 (FIT).
 */
export const READ_AT_MS: Bounds = { min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) };

/** Unix time of a race: from the first marathon (Marathon to Athens, 1896) on. */
export const RACE_AT_MS: Bounds = { min: Date.UTC(1896, 0, 1), max: READ_AT_MS.max };

/** PL2. */
export const heartRateOf = (value: number | null): number | null =>
  value === HEART_RATE_INVALID ? null : valueWithin(value, HEART_RATE);

/** Both or neither. Exactly 0 and 0, in the Gulf of Guinea, is how receivers without a fix say so. */
export const isPosition = (lat: number, lon: number): boolean =>
  within(lat, LATITUDE) && within(lon, LONGITUDE) && (lat !== 0 || lon !== 0);

/** By how much a counter grew, or 0 (PL3). */
export const grownBy = (from: number, to: number, ms: number, { perSMax, atOnceMax }: Growth): number => {
  const grown = to - from;
  return grown > 0 && grown <= atOnceMax + (perSMax * ms) / 1_000 ? grown : 0;
};

/** PL1. The same object where all of it is plausible: nearly always. */
export function plausible(reading: Reading, { distanceM, steps, cadence }: Wearer): Reading {
  const { lat, lon } = reading;
  const isPlaced = lat !== null && lon !== null && isPosition(lat, lon);
  const next: Reading = {
    tsMs: reading.tsMs,
    hr: heartRateOf(reading.hr),
    lat: isPlaced ? lat : null,
    lon: isPlaced ? lon : null,
    distanceM: valueWithin(reading.distanceM, distanceM),
    steps: valueWithin(reading.steps, steps),
    cadence: valueWithin(reading.cadence, cadence),
    altitudeM: valueWithin(reading.altitudeM, ALTITUDE_M),
  };
  return QUANTITIES.every((name) => next[name] === reading[name]) ? reading : next;
}

const QUANTITIES = ["hr", "lat", "lon", "distanceM", "steps", "cadence", "altitudeM"] as const;
