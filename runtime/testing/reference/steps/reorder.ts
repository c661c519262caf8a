/**
 * `reorder`: records leave by their time, each when the watermark has reached it; those of one key and time in the order they came. One
 * that comes when the watermark has reached it already goes to `late`.
 */
import type { ReorderOptions } from "../../../dsl/steps/reorder.ts";
import type { Emit, Rec } from "../record.ts";
import type { Attempt, Scene, Stateful } from "../scene.ts";
import { Waiting } from "./waiting.ts";

export class Reorder implements Stateful {
  readonly name: string;
  readonly #options: ReorderOptions<unknown>;
  readonly #waiting: Waiting;
  #watermark = Number.NEGATIVE_INFINITY;

  constructor(name: string, options: ReorderOptions<unknown>, scene: Scene) {
    this.name = name;
    this.#options = options;
    this.#waiting = new Waiting(name, scene);
  }

  take(rec: Rec, emit: Emit): void {
    const { codec, late } = this.#options;
    if (rec.timestamp! <= this.#watermark) {
      emit(rec, late.name);
      return;
    }
    codec.encode(rec.value);
    this.#waiting.add(rec);
  }

  resume(watermark: number): void {
    this.#watermark = watermark;
  }

  advance(watermark: number, attempt: Attempt): void {
    this.#watermark = watermark;
    this.#waiting.reached(watermark, attempt, (rec, emit) => emit(rec));
  }

  tick(): void {}
}
