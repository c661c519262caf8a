/**
 * How far event time has come where several partitions, or several tasks upstream, each say their own: each `.watermark` in each
 * source partition is a channel, and each task upstream in each partition of an exchange.
 *
 * - It is the lowest of all channels; one that has said nothing yet holds it back.
 * - Silent channels are left out. When all are silent it is the highest of all.
 * - A channel that is complete (MAX_WATERMARK) is left out for good. Once all are complete, so is event time; not before, for a
 *   silent one may speak again.
 * - It never goes back.
 */
import { MAX_WATERMARK } from "../../time.ts";

interface Channel {
  watermark: number;
  silent: boolean;
}

export class EventTime {
  readonly #channels = new Map<string, Channel>();
  #reached = Number.NEGATIVE_INFINITY;

  add(channel: string): void {
    if (!this.#channels.has(channel))
      this.#channels.set(channel, { watermark: Number.NEGATIVE_INFINITY, silent: false });
  }

  has(channel: string): boolean {
    return this.#channels.has(channel);
  }

  /** A channel speaks, and is not silent any more. */
  hear(channel: string, watermark: number, silent = false): void {
    const known = this.#channels.get(channel)!;
    known.watermark = Math.max(known.watermark, watermark);
    known.silent = silent;
  }

  setSilent(channel: string, silent: boolean): void {
    this.#channels.get(channel)!.silent = silent;
  }

  get allSilent(): boolean {
    return this.#channels.size > 0 && this.#incomplete().every(({ silent }) => silent);
  }

  #incomplete(): Channel[] {
    return [...this.#channels.values()].filter(({ watermark }) => watermark < MAX_WATERMARK);
  }

  reached(): number {
    const incomplete = this.#incomplete();
    const speaking = incomplete.filter(({ silent }) => !silent).map(({ watermark }) => watermark);
    let now = Math.max(Number.NEGATIVE_INFINITY, ...incomplete.map(({ watermark }) => watermark));
    if (speaking.length > 0) now = Math.min(...speaking);
    if (incomplete.length === 0 && this.#channels.size > 0) now = MAX_WATERMARK;
    this.#reached = Math.max(this.#reached, now);
    return this.#reached;
  }

  /** All that the channels of this one have said to another. */
  goOnFrom(other: EventTime): void {
    this.#reached = other.#reached;
    for (const [channel, { watermark, silent }] of other.#channels)
      if (this.has(channel)) this.hear(channel, watermark, silent);
  }
}
