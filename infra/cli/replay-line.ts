/** The line that says how a replay gets on. */

import type { ReplayProgress } from "../replay/progress.ts";
import type { Outlook } from "../replay/recording.ts";
import type { Speed } from "../replay/tempo.ts";
import { clockOf, count, durationOf } from "./output.ts";
import { Rate } from "./rate.ts";

export class ReplayLine {
  readonly #speed: Speed;
  readonly #outlook: Outlook;
  readonly #rate = new Rate();

  constructor(speed: Speed, outlook: Outlook) {
    this.#speed = speed;
    this.#outlook = outlook;
  }

  /** @param raceMs the race clock; `undefined` while entrants are sent. */
  text({ entrants, reads }: ReplayProgress, raceMs: number | undefined, nowMs: number): string {
    const perSecond = this.#rate.at(reads, nowMs);
    if (raceMs === undefined) return `start list: ${count(entrants)} entrants sent`;
    const leftMs = this.#leftMs(reads, raceMs, perSecond);
    const total = Math.max(reads, this.#outlook.reads);
    return [
      `race clock ${clockOf(raceMs)}`,
      `${count(reads)} of ${count(total)} reads (${Math.floor((100 * reads) / Math.max(total, 1))} %)`,
      `${count(Math.round(perSecond))}/s`,
      ...(leftMs === undefined ? [] : [`${durationOf(leftMs)} left`]),
    ].join(" · ");
  }

  #leftMs(reads: number, raceMs: number, perSecond: number): number | undefined {
    const { lastReceivedMs, reads: total } = this.#outlook;
    if (this.#speed === "max")
      return perSecond > 0 ? (Math.max(0, total - reads) / perSecond) * 1000 : undefined;
    return lastReceivedMs === undefined ? undefined : Math.max(0, lastReceivedMs - raceMs) / this.#speed;
  }
}
