import { systemTime, type Time } from "../time.ts";

/** A wake-up call for one waiter that may be given before the waiter waits: none is missed. */
export class Signal {
  readonly #time: Time;
  #notified = Promise.withResolvers<void>();

  constructor(time: Time = systemTime) {
    this.#time = time;
  }

  notify(): void {
    this.#notified.resolve();
    this.#notified = Promise.withResolvers();
  }

  /** Taken before looking at the state that `notify` tells of. */
  next(): { orAfter(ms: number): Promise<void> } {
    const { promise } = this.#notified;
    return {
      orAfter: (ms) =>
        new Promise((resolve) => {
          const callOff = this.#time.after(ms, resolve);
          void promise.then(() => {
            callOff();
            resolve();
          });
        }),
    };
  }
}
