/**
 * When a race's times are. They count milliseconds from the midnight of its date, as the clock on the wall shows the gun, and go
 * on as they pass from there, through midnight and through nights on which that clock is set: what is taken off each other stays
 * what has passed.
 */
import { localToUtcMs } from "../../runtime/zoned-time.ts";
import type { Race } from "../../schemas/index.ts";

/** Unix time at which a race's times are 0. On a day on which the clock is set before the gun it is not the day's midnight. */
export const raceZeroMs = ({ date, timezone, gunMs }: Pick<Race, "date" | "timezone" | "gunMs">): number =>
  localToUtcMs(date, gunMs, timezone) - gunMs;
