/** Records that wait until the watermark has reached them: then they leave, those of one time and key in the order they came. */
import { byText } from "../memory.ts";
import type { Emit, Rec } from "../record.ts";
import type { Attempt, Scene } from "../scene.ts";

export class Waiting {
  readonly #name: string;
  readonly #scene: Scene;

  constructor(step: string, scene: Scene) {
    this.#name = `${step}\0waiting`;
    this.#scene = scene;
  }

  add(rec: Rec): void {
    const { memory } = this.#scene;
    memory.set(this.#name, rec.key, [...(memory.get<readonly Rec[]>(this.#name, rec.key) ?? []), rec]);
  }

  /** By time, then key. Each leaves as a record of its own. */
  reached(watermark: number, attempt: Attempt, take: (waited: Rec, emit: Emit) => void): void {
    const { memory } = this.#scene;
    const all = memory.all<readonly Rec[]>(this.#name).flatMap(([, records]) => records);
    const due = all.filter(({ timestamp }) => timestamp! <= watermark);
    const places = new Map(
      due.map(({ key, partition, timestamp }) => [`${timestamp} ${key}`, { key, partition, timestamp }]),
    );
    for (const place of [...places.values()].sort(
      (a, b) => a.timestamp! - b.timestamp! || byText(a.key, b.key),
    )) {
      const left = memory.get<readonly Rec[]>(this.#name, place.key)!;
      const together = left.filter(({ timestamp }) => timestamp === place.timestamp);
      const others = left.filter(({ timestamp }) => timestamp !== place.timestamp);
      memory.set(this.#name, place.key, others.length === 0 ? undefined : others);
      // What it gives is due to the time, not to the record that waited.
      for (const { value } of together) attempt(place, (rec, emit) => take({ ...rec, value }, emit));
    }
  }
}
