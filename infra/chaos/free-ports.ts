/** Ports that nobody listens at, none given twice; below the system's ephemeral range (see `embedded/ports.ts`, P2). */
import { isFree } from "../embedded/ports.ts";

const FIRST = 20_000;
const COUNT = 10_000;

export class FreePorts {
  readonly #taken = new Set<number>();

  async take(): Promise<number> {
    for (;;) {
      const port = FIRST + Math.floor(Math.random() * COUNT);
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await isFree(port)) return port;
    }
  }
}
