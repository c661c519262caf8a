/** The trackers of a race's field, while the race is replayed by `pace up`. */

import { USUAL_FAULTS } from "../devices/faults.ts";
import { type DeviceField, openField } from "../devices/kafka-devices.ts";
import type { Wearers } from "./options.ts";
import { TRACKER_RECORDINGS } from "./places.ts";

const PERIOD_MS = 10_000;
/** The same trackers each time, so that a run that was stopped goes on. */
const SEED = 1;

/** Reads what the trackers of the race in this folder will play. */
export function openTrackers(race: string, wearers: Wearers): Promise<DeviceField> {
  return openField(
    {
      recordings: TRACKER_RECORDINGS,
      race,
      wearers: wearers === "all" ? undefined : wearers,
      copies: 1,
      spreadMs: 0,
      seed: SEED,
      rates: USUAL_FAULTS,
      periodMs: PERIOD_MS,
    },
    // The race's own lines are told by its replay; the recordings are ours.
    { onPoint: () => undefined, onLine: () => undefined },
  );
}
