/**
 * The same job for collars of cats and dogs: how active an animal is by minute, hour and day, and its cycles of activity and
 * rest. There is no course and no event. A collar sends rarely, and readings are minutes apart.
 */
import { hours, minutes, seconds, topic } from "../runtime/index.ts";
import { Upload } from "../schemas/index.ts";
import { type AggregatesOptions, windowedAggregates } from "./lib/aggregates/job.ts";
import { isMoving } from "./lib/aggregates/moving.ts";

export const COLLARS: AggregatesOptions = {
  name: "collar-aggregates",
  uploads: topic("collar-uploads", Upload),
  prefix: "collar-",
  // A kitten's heart makes 260 beats a minute. Four paws: turning over in sleep makes some steps, too.
  measures: { hrMin: 30, hrMax: 300, isActive: isMoving({ metresPerS: 0.3, stepsPerMin: 20, cadence: 20 }) },
  windows: [
    { name: "1m", size: minutes(1), lateMax: hours(1) },
    { name: "1h", size: hours(1), lateMax: hours(6), earlyEvery: minutes(15) },
    { name: "1d", size: hours(24), lateMax: hours(6), earlyEvery: hours(1) },
  ],
  disorderMax: minutes(20),
  futureMax: minutes(10),
  quietAfter: minutes(30),
  gapMax: minutes(5) + seconds(30),
  // An animal that naps wakes for a moment now and then: that does not end its rest.
  sessionGap: minutes(15),
};

/** `collar-uploads` → `collar-reading-windows`, `collar-activity-sessions`, `collar-late-readings`. */
export default windowedAggregates(COLLARS);
