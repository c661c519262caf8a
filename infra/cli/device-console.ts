/** What people see of devices that are replayed. */
import type { LineProblem } from "../../jobs/lib/race-folder.ts";
import type { DeviceProgress } from "../devices/device-play.ts";
import type { DeviceField } from "../devices/kafka-devices.ts";
import type { PointProblem } from "../devices/recording-error.ts";
import type { Speed } from "../replay/tempo.ts";
import { type Console, clockOf, count, durationOf } from "./output.ts";
import { Rate } from "./rate.ts";
import { ReplayConsole } from "./replay-console.ts";

const REDRAW_MS = 200;
const PROBLEMS_SHOWN = 3;

export class DeviceConsole {
  readonly #console: Console;
  readonly #speed: Speed;
  readonly #race: ReplayConsole;
  #problems = 0;
  #drawnMs = 0;

  constructor(console: Console, speed: Speed) {
    this.#console = console;
    this.#speed = speed;
    this.#race = new ReplayConsole(console, speed);
    this.onTrouble = this.#race.onTrouble;
  }

  readonly onTrouble: (reason: string) => void;

  /** For a point of a recording that is left out. */
  readonly onPoint = ({ file, place, problem }: PointProblem): void => {
    if (++this.#problems <= PROBLEMS_SHOWN) this.#console.line(`Left out: ${file} ${place}: ${problem}`);
  };

  /** For a line of a race's files that is left out. */
  readonly onLine = (problem: LineProblem): void => this.#race.onProblem(problem);

  onProgress({ plan, field }: DeviceField): (progress: DeviceProgress, clockMs: number | undefined) => void {
    const rate = new Rate();
    const total = plan.readings;
    const endMs = plan.endMs - field.clockZeroMs;
    return ({ readings, ended }, clockMs) => {
      const nowMs = Date.now();
      if (clockMs === undefined || (nowMs - this.#drawnMs < REDRAW_MS && !ended)) return;
      this.#drawnMs = nowMs;
      const perSecond = rate.at(readings, nowMs);
      const left = Math.max(0, total - readings);
      const leftMs =
        this.#speed === "max" ? (left * 1000) / perSecond : Math.max(0, endMs - clockMs) / this.#speed;
      this.#console.moving(
        [
          `clock ${clockOf(clockMs)}`,
          // Repetitions count as sent, so that there may be more than there are.
          `${count(readings)} readings (${Math.min(100, Math.floor((100 * readings) / Math.max(total, 1)))} %)`,
          `${count(Math.round(perSecond))}/s`,
          ...(Number.isFinite(leftMs) && !ended ? [`${durationOf(leftMs)} left`] : []),
        ].join(" · "),
      );
    };
  }

  end(): void {
    this.#race.end();
    const hidden = this.#problems - PROBLEMS_SHOWN;
    if (hidden > 0) this.#console.line(`Left out: ${count(hidden)} more points`);
  }
}
