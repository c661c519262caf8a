/**
 * `join`: a record gets the row of its key as of its event time: the newest version that is not later. A record waits until the watermark
 * has reached it; with `wait: false` it is joined when it comes. A late one goes to `late`, or is joined when it comes.
 *
 * Versions that no record can ask for that is not late may be forgotten: what a late record finds then is not determined.
 */
import type { JoinInput, JoinOptions } from "../../../dsl/steps/join.ts";
import { type Emit, frozen, type Rec } from "../record.ts";
import type { Attempt, Scene, Stateful } from "../scene.ts";
import { Waiting } from "./waiting.ts";

interface Versions {
  /** By the time from which it holds. */
  readonly rows: ReadonlyMap<number, unknown>;
  /** Watermark when the last one came: up to there all but the newest may be forgotten. */
  readonly forgottenUpTo: number;
}

export class Join implements Stateful {
  readonly name: string;
  readonly #options: JoinOptions<unknown, unknown, unknown>;
  readonly #scene: Scene;
  readonly #waiting: Waiting;
  #watermark = Number.NEGATIVE_INFINITY;

  constructor(name: string, options: JoinOptions<unknown, unknown, unknown>, scene: Scene) {
    this.name = name;
    this.#options = options;
    this.#scene = scene;
    this.#waiting = new Waiting(name, scene);
  }

  take(rec: Rec, emit: Emit): void {
    const input = rec.value as JoinInput<unknown, unknown>;
    if ("row" in input) {
      this.#learn(rec, input.row.value);
      return;
    }
    const { codec, late, wait = true } = this.#options;
    const left = { ...rec, value: input.left };
    const isLate = rec.timestamp! <= this.#watermark;
    if (isLate && late) emit(left, late.name);
    else if (isLate || !wait) this.#join(left, emit);
    else {
      codec.encode(input.left);
      this.#waiting.add(left);
    }
  }

  #learn({ key, timestamp }: Rec, row: unknown): void {
    const rows = new Map([...this.#versions(key).rows, [timestamp!, row]]);
    this.#scene.memory.set(this.name, key, { rows, forgottenUpTo: this.#watermark });
  }

  #join(rec: Rec, emit: Emit): void {
    const { rows, forgottenUpTo } = this.#versions(rec.key);
    const times = [...rows.keys()];
    if (times.some((time) => time > rec.timestamp! && time <= forgottenUpTo))
      this.#scene.undetermined("a late record asked for a version that event time had passed");
    const newest = Math.max(...times.filter((time) => time <= rec.timestamp!));
    const value = this.#options.join(rec.value, rows.get(newest));
    if (value !== undefined) emit({ ...rec, value: frozen(value) });
  }

  #versions(key: string): Versions {
    const known = this.#scene.memory.get<Versions>(this.name, key);
    return known ?? { rows: new Map(), forgottenUpTo: Number.NEGATIVE_INFINITY };
  }

  resume(watermark: number): void {
    this.#watermark = watermark;
  }

  advance(watermark: number, attempt: Attempt): void {
    this.#watermark = watermark;
    this.#waiting.reached(watermark, attempt, (rec, emit) => this.#join(rec, emit));
  }

  tick(): void {}
}
