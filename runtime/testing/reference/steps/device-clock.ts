/**
 * `deviceClock`: a device (a key) is off by the median, over its last uploads, of when Kafka got one less its clock when it sent it; of an
 * even number the lower of the two in the middle. Records that Kafka got in one millisecond are one upload, whose latest clock counts.
 * Records go to `wrong` while it is off by more than `skewMax`.
 */
import type { DeviceClockOptions } from "../../../dsl/steps/device-clock.ts";
import type { Emit, Rec } from "../record.ts";
import type { Scene, Stateful } from "../scene.ts";
import { time } from "../watermark.ts";

interface Upload {
  readonly ingestMs: number;
  readonly skewMs: number;
}

export class DeviceClock implements Stateful {
  readonly name: string;
  readonly #options: DeviceClockOptions<unknown>;
  readonly #scene: Scene;

  constructor(name: string, options: DeviceClockOptions<unknown>, scene: Scene) {
    this.name = name;
    this.#options = options;
    this.#scene = scene;
  }

  take(rec: Rec, emit: Emit): void {
    const { skewMax, sentOf, samples = 9, wrong } = this.#options;
    const { memory } = this.#scene;
    const sentMs = sentOf ? time("sentOf", sentOf(rec.value)) : rec.timestamp!;
    const skewMs = rec.ingestMs - sentMs;
    const before = memory.get<readonly Upload[]>(this.name, rec.key) ?? [];
    const last = before.at(-1);
    const after =
      last?.ingestMs === rec.ingestMs
        ? [...before.slice(0, -1), { ...last, skewMs: Math.min(last.skewMs, skewMs) }]
        : [...before, { ingestMs: rec.ingestMs, skewMs }].slice(-samples);
    memory.set(this.name, rec.key, after);
    const skews = after.map((upload) => upload.skewMs).sort((a, b) => a - b);
    const median = skews[Math.ceil(skews.length / 2) - 1]!;
    emit(rec, Math.abs(median) > skewMax ? wrong.name : undefined);
  }

  resume(): void {}
  advance(): void {}
  tick(): void {}
}
