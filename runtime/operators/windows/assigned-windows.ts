/**
 * Windows that a rule gives to each record: days of a calendar, or a rule of the job's own.
 *
 * AW1  A window is its start and its end: two of a key may begin together and end apart, such as a day in two zones.
 * AW2  A window keeps its id, its start where that is free: in the changelog it is one entry.
 */
import type { WindowAssigner, WindowOptions } from "../../dsl/window.ts";
import { settled } from "../../settled.ts";
import type { Accumulation } from "../../state/window-state.ts";
import { TIME_MAX_MS } from "../../time.ts";
import { eventTime, type WindowParts } from "./emitter.ts";
import { EndingWindows } from "./ending-windows.ts";

type Assigner = Extract<WindowAssigner, { kind: "assigned" }>;

export class AssignedWindows extends EndingWindows {
  readonly #assigner: Assigner;

  constructor(parts: WindowParts, assigner: Assigner, options: WindowOptions<unknown>) {
    super(parts, options);
    this.#assigner = assigner;
  }

  override process(value: unknown): void {
    const { record } = this.parts.runtime;
    record.at = this.at;
    const timeMs = eventTime(this.parts);
    const { key, partition } = record;
    const { start, end } = assigned(this.#assigner, timeMs, value, key);
    if (this.isClosed({ end })) {
      this.late(value);
      return;
    }
    const window =
      this.#find(key, start, end) ?? this.state.open(key, partition, this.#id(key, start), start, end);
    this.state.add(window, value, timeMs);
    this.speakBeforeOrAfter(window);
  }

  /** AW1. */
  #find(key: string, start: number, end: number): Accumulation<unknown> | undefined {
    for (const window of this.#from(key, start)) if (window.end === end) return window;
    return undefined;
  }

  /** Windows of the key that begin there. */
  *#from(key: string, start: number): IterableIterator<Accumulation<unknown>> {
    const windows = this.of(key);
    if (!windows) return;
    for (let at = windows.countWhile((window) => window.start < start); at < windows.length; at++) {
      const window = windows.at(at)!;
      if (window.start !== start) return;
      yield window;
    }
  }

  /** AW2. Windows start at whole milliseconds, so what lies between is free. */
  #id(key: string, start: number): number {
    const taken = new Set([...this.#from(key, start)].map(({ id }) => id));
    let id = start;
    while (taken.has(id)) id += 1 / 8;
    return id;
  }

  protected override forgottenAt({ end }: { readonly end: number }): number {
    return end - 1 + this.latenessMs;
  }
}

/** @throws unless it is a window with the record in it. */
export function assigned(
  { by, assign }: Assigner,
  timeMs: number,
  value: unknown,
  key: string,
): { readonly start: number; readonly end: number } {
  const { start, end } = settled(by, assign(timeMs, value, key));
  const whole =
    Number.isInteger(start) && Number.isInteger(end) && start >= -2 * TIME_MAX_MS && end <= 2 * TIME_MAX_MS;
  if (whole && start <= timeMs && timeMs < end) return { start, end };
  throw new Error(
    `${by} gave the window [${String(start)}, ${String(end)}) for a record of ${timeMs}: it has to be whole milliseconds with the record's time in it`,
  );
}
