/**
 * The same job for collars of cats and dogs: how active an animal is by minute, hour and day, and its cycles of activity and
 * rest. There is no course and no event. A collar sends rarely, and readings are minutes apart.
 */
import { hours, minutes, seconds, topic } from "../runtime/index.ts";
import { Upload } from "../schemas/index.ts";
import { type AggregatesOptions, windowedAggregates } from "./lib/aggregates/job.ts";
import { isMoving } from "./lib/aggregates/moving.ts";
import { ANIMAL, HEART_OF_ANIMAL } from "./lib/plausible.ts";

export const COLLARS: AggregatesOptions = {
  name: "collar-aggregates",
  uploads: topic("collar-uploads", Upload),
  prefix: "collar-",
  wearer: ANIMAL,
  // Four paws: turning over in sleep makes some steps, too.
  measures: { heart: HEART_OF_ANIMAL, isActive: isMoving({ metresPerS: 0.3, stepsPerMin: 20, cadence: 20 }) },
  windows: [
    { name: "1m", size: minutes(1), lateMax: hours(1) },
    { name: "1h", size: hours(1), lateMax: hours(6), earlyEvery: minutes(15) },
  ],
  days: { name: "1d", lateMax: hours(6), earlyEvery: hours(1) },
  disorderMax: minutes(20),
  futureMax: minutes(10),
  quietAfter: minutes(30),
  gapMax: minutes(5) + seconds(30),
  // An animal that naps wakes for a moment now and then: that does not end its rest.
  sessionGap: minutes(15),
  sessionLateMax: hours(1),
};

/** `collar-uploads` → `collar-reading-windows`, `collar-activity-sessions`, `collar-late-readings`. */
export default windowedAggregates(COLLARS);
