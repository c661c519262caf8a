/**
 * Chance without a state: a number that follows from the seed and from what it is asked about, so that any part of a plan is
 * the same whoever computes it first, and a run that goes on in the middle needs nothing of what came before.
 */

/** What a number decides: the same device and upload get an independent one for each. */
export const Purpose = {
  phase: 1,
  start: 2,
  track: 3,
  hrScale: 4,
  hrOffset: 5,
  outage: 6,
  outageStart: 7,
  outageLength: 8,
  late: 9,
  lateBy: 10,
  repeat: 11,
  repeatAfter: 12,
  clock: 13,
  clockBy: 14,
  stuck: 15,
  stuckFrom: 16,
  stuckLength: 17,
  sparse: 18,
  missing: 19,
  wearer: 20,
} as const;

/** Evenly from [0, 1). */
export function chance(seed: number, purpose: number, device: number, index = 0): number {
  let h = mix(seed ^ Math.imul(purpose, 0x9e3779b1));
  h = mix(h ^ Math.imul(device + 1, 0x85ebca6b));
  h = mix(h ^ Math.imul(index + 1, 0xc2b2ae35));
  return h / 4_294_967_296;
}

/** The finaliser of MurmurHash3: each bit of the input changes half of the output's. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
