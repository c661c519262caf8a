/** What people see of a replay that runs. */
import type { LineProblem } from "../../jobs/lib/race-folder.ts";
import type { ReplayProgress } from "../replay/progress.ts";
import type { Outlook } from "../replay/recording.ts";
import type { Speed } from "../replay/tempo.ts";
import { type Console, count } from "./output.ts";
import { ReplayLine } from "./replay-line.ts";

const REDRAW_MS = 200;
const PROBLEMS_SHOWN = 3;

export class ReplayConsole {
  readonly #console: Console;
  readonly #speed: Speed;
  #problems = 0;
  #trouble = "";
  #drawnMs = 0;

  constructor(console: Console, speed: Speed) {
    this.#console = console;
    this.#speed = speed;
  }

  /** For a line of the race's files that is left out. */
  readonly onProblem = ({ file, line, column, problem }: LineProblem): void => {
    if (++this.#problems > PROBLEMS_SHOWN) return;
    this.#console.line(`Left out: ${file} line ${line}: ${column ? `${column} ` : ""}${problem}`);
  };

  /** Told once for each new reason, until the replay gets on. */
  readonly onTrouble = (reason: string): void => {
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#console.line(`Kafka is not taking the replay, trying again: ${reason}`);
  };

  onProgress(outlook: Outlook): (progress: ReplayProgress, raceMs: number | undefined) => void {
    const line = new ReplayLine(this.#speed, outlook);
    return (progress, raceMs) => {
      this.#trouble = "";
      const nowMs = Date.now();
      if (nowMs - this.#drawnMs < REDRAW_MS && !progress.ended) return;
      this.#drawnMs = nowMs;
      this.#console.moving(line.text(progress, raceMs, nowMs));
    };
  }

  end(): void {
    this.#console.settle();
    const hidden = this.#problems - PROBLEMS_SHOWN;
    if (hidden > 0) this.#console.line(`Left out: ${count(hidden)} more lines`);
  }
}
