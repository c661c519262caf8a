/**
 * Windows that say one result: when their end and the allowed lateness are past, and no record can change it any more. They are
 * windows whose time comes later by the lateness, which then takes nothing more: so this holds their time back, and is all.
 *
 * HB1  A result has the event time of its window, as always, which is by then behind the watermark by the lateness.
 */
import type { ChangelogWriter } from "../../state/state-store.ts";
import type { WindowStep } from "./index.ts";

export class HeldBack implements WindowStep {
  readonly #windows: WindowStep;
  readonly #latenessMs: number;

  /** @param windows without an allowed lateness of their own. */
  constructor(windows: WindowStep, latenessMs: number) {
    this.#windows = windows;
    this.#latenessMs = latenessMs;
  }

  get name(): string {
    return this.#windows.name;
  }

  get isDirty(): boolean {
    return this.#windows.isDirty;
  }

  process(value: unknown): void {
    this.#windows.process(value);
  }

  seal(watermark: number): void {
    this.#windows.seal(watermark - this.#latenessMs);
  }

  advance(watermark: number): void {
    this.#windows.advance(watermark - this.#latenessMs);
  }

  tick(nowMs: number): void {
    this.#windows.tick(nowMs);
  }

  nextTickMs(): number {
    return this.#windows.nextTickMs();
  }

  flush(writer: ChangelogWriter): void {
    this.#windows.flush(writer);
  }
}
