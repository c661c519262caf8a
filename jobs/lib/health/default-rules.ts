/** The rules that hold where nobody has written any. */
import type { HealthRules } from "../../../schemas/index.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** A sensor that fails is known as such (90 s) before its heart rate is believed to be too high (120 s). */
export const DEFAULT_RULES: HealthRules = {
  event: "",
  fromMs: 0,
  hrLimit: 200,
  hrHysteresis: 5,
  hrSustainedMs: 120 * SECOND,
  hrCalmMs: 30 * SECOND,
  dropBpm: 50,
  dropWithinMs: 15 * SECOND,
  dropHoldMs: 10 * SECOND,
  dropForgetMs: 10 * MINUTE,
  stuckMs: 90 * SECOND,
  spikeBpm: 30,
  spikes: 3,
  spikesWithinMs: MINUTE,
  lockBpm: 2,
  lockMs: 90 * SECOND,
  stillM: 20,
  stillMs: 3 * MINUTE,
  lostAfterMs: 2 * MINUTE,
  escalateAfterMs: 3 * MINUTE,
  courseM: null,
};
