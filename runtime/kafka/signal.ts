/** A wake-up call for one waiter that may be given before the waiter waits: none is missed. */
export class Signal {
  #notified = Promise.withResolvers<void>();

  notify(): void {
    this.#notified.resolve();
    this.#notified = Promise.withResolvers();
  }

  /** Taken before looking at the state that `notify` tells of. */
  next(): { orAfter(ms: number): Promise<void> } {
    const { promise } = this.#notified;
    return {
      orAfter(ms) {
        return new Promise((resolve) => {
          const timer = setTimeout(resolve, ms);
          void promise.then(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      },
    };
  }
}
