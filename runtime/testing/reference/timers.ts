/**
 * Timers of a keyed step. A timer is a (time, key): setting it twice is one; deleting one that is not set is nothing. Its time is whole
 * milliseconds, of the clock not before 0; what is none is the failure of the record that set it.
 *
 * - Timers fire by time, then key. One that is set while timers fire, and is due, takes part at once.
 * - One of event time that is set behind the watermark fires when the watermark moves next.
 * - A timer that fires is gone, also if its code throws.
 */
import type { TimeDomain } from "../../dsl/process.ts";
import { byText } from "./memory.ts";
import type { Scene } from "./scene.ts";

/** Times of a key, each with the partition of the key. */
type Times = ReadonlyMap<number, number>;

export interface Due {
  readonly key: string;
  readonly partition: number;
  readonly timeMs: number;
}

export const timersName = (step: string, domain: TimeDomain): string => `${step}\0${domain}`;

export function setTimer(scene: Scene, name: string, key: string, timeMs: number, partition: number): void {
  if (!Number.isSafeInteger(timeMs)) throw new Error(`a timer at ${timeMs}, which is not a time`);
  const times = timesOf(scene, name, key);
  // The one that is set already stays as it is.
  if (!times.has(timeMs)) scene.memory.set(name, key, new Map([...times, [timeMs, partition]]));
}

export function deleteTimer(scene: Scene, name: string, key: string, timeMs: number): void {
  const left = new Map([...timesOf(scene, name, key)].filter(([time]) => time !== timeMs));
  scene.memory.set(name, key, left.size === 0 ? undefined : left);
}

/** The first one that is due, if any. */
export function firstDue(scene: Scene, name: string, dueMs: number): Due | undefined {
  const due = scene.memory
    .all<Times>(name)
    .flatMap(([key, times]) => [...times].map(([timeMs, partition]): Due => ({ key, timeMs, partition })))
    .filter(({ timeMs }) => timeMs <= dueMs)
    .sort((a, b) => a.timeMs - b.timeMs || byText(a.key, b.key));
  return due[0];
}

function timesOf({ memory }: Scene, name: string, key: string): Times {
  return memory.get<Times>(name, key) ?? new Map();
}
