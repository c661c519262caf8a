/**
 * One watermark out of many channels: a channel is a source partition, or an upstream task as heard in one partition of an
 * exchange. After Flink's `StatusWatermarkValve`.
 *
 * W1  The output never goes back.
 * W2  Without idle channels it is the lowest of all; a channel that has said nothing yet holds it at the start.
 * W3  An idle channel is left out. When all are idle the output is the highest of all: nothing more is to come from before.
 * W4  A channel at MAX_WATERMARK is complete: it is left out, and the output is MAX_WATERMARK when every channel is, not before: an
 *     idle one may yet speak.
 */
import { MAX_WATERMARK, NO_WATERMARK } from "../time.ts";

interface Channel {
  watermark: number;
  idle: boolean;
}

export class WatermarkValve {
  readonly #channels = new Map<string, Channel>();
  #output = NO_WATERMARK;

  add(channel: string): void {
    if (!this.#channels.has(channel)) this.#channels.set(channel, { watermark: NO_WATERMARK, idle: false });
  }

  /** A watermark heard on a channel; it is active again with it. A lower one than before changes nothing. */
  advance(channel: string, watermark: number): void {
    const known = this.#channels.get(channel)!;
    known.idle = false;
    if (watermark > known.watermark) known.watermark = watermark;
  }

  setIdle(channel: string): void {
    this.#channels.get(channel)!.idle = true;
  }

  /** It is waited for again, from where it was. */
  setActive(channel: string): void {
    this.#channels.get(channel)!.idle = false;
  }

  watermarkOf(channel: string): number {
    return this.#channels.get(channel)!.watermark;
  }

  isIdle(channel: string): boolean {
    return this.#channels.get(channel)!.idle;
  }

  /** Nothing is to come for now, of those that are not complete. */
  get allIdle(): boolean {
    for (const { idle, watermark } of this.#channels.values())
      if (!idle && watermark < MAX_WATERMARK) return false;
    return this.#channels.size > 0;
  }

  /** What the output had come to before a restart: it does not go back behind it (W1). */
  restore(output: number): void {
    if (output > this.#output) this.#output = output;
  }

  /** The watermark of all channels now. */
  output(): number {
    let lowest = Number.POSITIVE_INFINITY;
    let highest = NO_WATERMARK;
    let complete = 0;
    for (const { watermark, idle } of this.#channels.values()) {
      if (watermark >= MAX_WATERMARK) {
        complete++;
        continue;
      }
      if (watermark > highest) highest = watermark;
      if (!idle && watermark < lowest) lowest = watermark;
    }
    let now = lowest === Number.POSITIVE_INFINITY ? highest : lowest;
    if (complete > 0 && complete === this.#channels.size) now = MAX_WATERMARK;
    if (now > this.#output) this.#output = now;
    return this.#output;
  }
}
