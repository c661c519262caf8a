/** Time as a thread of a simulated machine sees it: its clock may be set, its timers stand still when it does. */
import type { Time } from "../../time.ts";
import type { Thread, World } from "./world.ts";

/** Unix milliseconds at which every run begins. */
export const BEGIN_MS = 1_700_000_000_000;

/** A machine's clock. */
export interface MachineClock {
  offsetMs: number;
}

export function threadTime(world: World, thread: Thread, clock: MachineClock): Time {
  return {
    now: () => Math.floor(BEGIN_MS + clock.offsetMs + world.nowMs),
    elapsed: () => world.nowMs,
    // A timer is late by up to a millisecond, never early.
    after: (ms, call) => world.after(Math.max(1, ms) + world.random.fraction(), call, thread),
  };
}
