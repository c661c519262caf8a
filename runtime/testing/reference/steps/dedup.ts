/**
 * `dedup`: a record passes if none of its id has passed before that is at most `within` earlier, however much later it is. The time is
 * the record's, or the clock's. A record that does not pass does not lengthen the time.
 */
import type { DedupOptions } from "../../../dsl/steps/dedup.ts";
import { checkedKey } from "../key-by.ts";
import type { Emit, Rec } from "../record.ts";
import type { Scene, Stateful } from "../scene.ts";

/** By id: when the one that passed was. */
type Passed = ReadonlyMap<string, number>;

export class Dedup implements Stateful {
  readonly name: string;
  readonly #options: DedupOptions<unknown>;
  readonly #scene: Scene;

  constructor(name: string, options: DedupOptions<unknown>, scene: Scene) {
    this.name = name;
    this.#options = options;
    this.#scene = scene;
  }

  take(rec: Rec, emit: Emit): void {
    const { idOf, within, time = "event" } = this.#options;
    const { memory, nowMs, letGoUpTo } = this.#scene;
    const id = idOf(rec.value);
    const now = time === "event" ? rec.timestamp! : nowMs;
    const passed = memory.get<Passed>(this.name, rec.key) ?? new Map<string, number>();
    const before = passed.get(id);
    if (before !== undefined && now <= before + within) {
      if (time === "event" && before + within < letGoUpTo)
        this.#scene.undetermined("a late record asked for an id that event time had passed");
      return;
    }
    memory.set(this.name, rec.key, new Map([...passed, [checkedKey(id), now]]));
    emit(rec);
  }

  resume(): void {}
  advance(): void {}
  tick(): void {}
}
