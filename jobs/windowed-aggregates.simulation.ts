/** How the runners' aggregates are simulated: a few runners for some minutes, most of them in a race over two segments. */
import { hours } from "../runtime/index.ts";
import type { Random } from "../runtime/testing/index.ts";
import { Course, Race, type Reading } from "../schemas/index.ts";
import { NOTHING, simulatedAggregates } from "./lib/aggregates/testing/simulated.ts";
import { EXAMPLE_RACE } from "./lib/example-race.ts";
import { RUNNERS } from "./windowed-aggregates.ts";

const COURSE: Course = {
  event: "run",
  segments: [
    { id: "a", startM: 0, endM: 300 },
    { id: "b", startM: 300, endM: 600 },
  ],
};

/** Where it becomes midnight half an hour after the first reading: many have two days. */
const RACE: Race = { ...EXAMPLE_RACE, id: COURSE.event, timezone: "Pacific/Noumea" };

function readings(random: Random, fromMs: number): Reading[] {
  let tsMs = fromMs;
  let distanceM = 0;
  let steps = 0;
  return Array.from({ length: random.between(5, 50) }, () => {
    const stands = random.chance(0.2);
    const sinceMs = random.pick([1_000, 1_000, 1_000, 5_000, random.between(1, 90_000)]);
    tsMs += sinceMs;
    distanceM += stands ? 0 : (3 * sinceMs) / 1_000;
    steps += stands ? 0 : Math.round((3 * sinceMs) / 1_000);
    const hr = random.chance(0.1) ? null : random.between(20, 245);
    const cadence = random.chance(0.5) ? null : stands ? 0 : 170;
    return { ...NOTHING, tsMs, hr, distanceM: Math.fround(distanceM), steps, cadence };
  });
}

export const simulation = simulatedAggregates({
  options: RUNNERS,
  lengthMax: hours(1),
  readings,
  event: COURSE.event,
  zone: RACE.timezone,
  tables: [
    { topic: "courses", key: COURSE.event, value: Course.encode(COURSE), atMs: 0 },
    { topic: "races", key: RACE.id, value: Race.encode(RACE), atMs: 0, atOnce: true },
  ],
});
