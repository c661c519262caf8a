/**
 * What took a task down, again and again, and is therefore not tried any more: a record, or what time set off for a key. A dead
 * letter takes its place, in the epoch in which it would have been processed (T1): so it is set apart exactly once.
 */
import type { Place } from "./pulse.ts";

export interface Isolated {
  readonly place: Place;
  readonly step: string;
  /** For the dead letter. */
  readonly reason: string;
}

export class Isolation {
  readonly #records = new Map<string, Map<number, Isolated>>();
  readonly #timers = new Map<string, Isolated>();

  constructor(isolated: readonly Isolated[]) {
    for (const one of isolated) {
      const { place } = one;
      if (place.kind === "timer") {
        this.#timers.set(timerId(place.key, place.timestamp), one);
        continue;
      }
      const id = `${place.topic}/${place.partition}`;
      const records = this.#records.get(id) ?? new Map<number, Isolated>();
      this.#records.set(id, records.set(place.offset, one));
    }
  }

  /** Those of a partition by offset, if there are any. */
  records(topic: string, partition: number): ReadonlyMap<number, Isolated> | undefined {
    return this.#records.size === 0 ? undefined : this.#records.get(`${topic}/${partition}`);
  }

  /** Whether it is this that is set apart: once. */
  takeTimer(key: string, timestamp: number | undefined): Isolated | undefined {
    if (this.#timers.size === 0) return undefined;
    const id = timerId(key, timestamp);
    const found = this.#timers.get(id);
    this.#timers.delete(id);
    return found;
  }
}

const timerId = (key: string | undefined, timestamp: number | undefined): string => `${timestamp}\0${key}`;
