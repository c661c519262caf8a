/**
 * What the runners' devices say, put together: by 10 seconds, minute and day, by stretches of running and standing, by
 * segment of the course and by race.
 */
import { hours, minutes, seconds, topic } from "../runtime/index.ts";
import { Upload } from "../schemas/index.ts";
import { type AggregatesOptions, windowedAggregates } from "./lib/aggregates/job.ts";
import { isMoving } from "./lib/aggregates/moving.ts";
import { HEART_OF_PERSON, PERSON } from "./lib/plausible.ts";

export const RUNNERS: AggregatesOptions = {
  name: "windowed-aggregates",
  uploads: topic("uploads", Upload),
  // Standing in a queue is rest; walking up a hill is not, nor is rowing.
  wearer: PERSON,
  measures: { heart: HEART_OF_PERSON, isActive: isMoving({ metresPerS: 0.6, stepsPerMin: 40, cadence: 15 }) },
  windows: [
    { name: "10s", size: seconds(10), lateMax: minutes(1) },
    { name: "1m", size: minutes(1), lateMax: minutes(10), earlyEvery: seconds(10) },
  ],
  days: { name: "1d", lateMax: minutes(30), earlyEvery: minutes(5), races: true },
  disorderMax: seconds(15),
  futureMax: minutes(5),
  quietAfter: minutes(1),
  gapMax: seconds(30),
  sessionGap: minutes(1),
  // A watch is out of reach for some minutes: under a bridge, or without its phone.
  sessionLateMax: minutes(10),
  segments: { sayEvery: seconds(10), keptFor: hours(12) },
  events: { name: "1m", size: minutes(1), lateMax: minutes(10) },
};

/** `uploads`, `courses`, `races` → `reading-windows`, `activity-sessions`, `segment-totals`, `event-windows`, `late-readings`. */
export default windowedAggregates(RUNNERS);
