/**
 * The table of operators: what random jobs are made of. A new operator of the runtime gets an entry here, and a meaning in
 * `reference/`, and is tried from its first day.
 */
import { keyBy, keyBySub, rekey } from "./keys.ts";
import type { Operator } from "./operator.ts";
import {
  alarms,
  byName,
  counting,
  halving,
  indexed,
  listing,
  lookingUp,
  reducing,
  ruled,
  sideways,
  silence,
} from "./process.ts";
import { side, sink, source } from "./sinks.ts";
import { filter, flatMap, map, union } from "./stateless.ts";
import { dedup, deviceClock, join, reorder } from "./steps.ts";
import { timestamps, watermark, watermarkByGenerator } from "./time.ts";
import { assignedWindow, countedWindow, sessionWindow, slidingWindow, tumblingWindow } from "./windows.ts";

export type { Operator, Traits } from "./operator.ts";

/** Names are parts of step names. */
export const OPERATORS = {
  source,
  map,
  filter,
  "flat-map": flatMap,
  union,
  watermark,
  "watermark-by": watermarkByGenerator,
  timestamps,
  "key-by": keyBy,
  "key-by-sub": keyBySub,
  rekey,
  counting,
  halving,
  "by-name": byName,
  listing,
  reducing,
  sideways,
  silence,
  alarms,
  "looking-up": lookingUp,
  ruled,
  indexed,
  dedup,
  reorder,
  join,
  "device-clock": deviceClock,
  tumbling: tumblingWindow,
  sliding: slidingWindow,
  session: sessionWindow,
  assigned: assignedWindow,
  counted: countedWindow,
  side,
  sink,
} as const satisfies Record<string, Operator>;

export type OperatorName = keyof typeof OPERATORS;
