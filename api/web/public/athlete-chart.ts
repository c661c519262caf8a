/**
 * One quantity of an athlete over time: a line, for the heart with the band between its lowest and highest rate. Where nothing was
 * measured the line is broken. The picture is described in a sentence for who does not see it.
 */
import uPlot from "/vendor/uplot/uPlot.esm.js";
import type { AthleteWindow } from "./athlete-api.ts";
import { clockTime } from "./medic-words.ts";

export interface Quantity {
  /** As a sentence begins: `Heart rate`. */
  readonly name: string;
  readonly unit: string;
  readonly of: (window: AthleteWindow) => number | null;
  readonly lowest?: (window: AthleteWindow) => number | null;
  readonly highest?: (window: AthleteWindow) => number | null;
  readonly text: (value: number) => string;
  /** A CSS variable. */
  readonly color: string;
  /** What is steady must look steady: at least so much from bottom to top. */
  readonly spanMin: number;
  /** Less is better, and higher up: a pace. */
  readonly isDown?: boolean;
  readonly steps: readonly number[];
}

const HEIGHT = 190;
const HEIGHT_PHONE = 180;
const PHONE_MAX = 520;

export class AthleteChart {
  readonly #element: HTMLElement;
  readonly #quantity: Quantity;
  readonly #plot: uPlot;
  #timezone: string | undefined;

  constructor(element: HTMLElement, quantity: Quantity) {
    this.#element = element;
    this.#quantity = quantity;
    this.#plot = new uPlot(this.#options(), [[], [], [], []], element);
    new ResizeObserver(() => this.#plot.setSize(sizeOf(element))).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot.redraw());
  }

  update(
    windows: readonly AthleteWindow[],
    range: readonly [number, number],
    timezone: string | undefined,
  ): void {
    this.#timezone = timezone;
    const { of, lowest, highest } = this.#quantity;
    const rows = withGaps(windows);
    const column = (read: ((window: AthleteWindow) => number | null) | undefined) =>
      rows.map(({ window }) => (window && read ? read(window) : null));
    this.#plot.batch(() => {
      this.#plot.setData(
        [rows.map(({ atMs }) => atMs / 1000), column(lowest), column(highest), column(of)],
        false,
      );
      this.#plot.setScale("x", { min: range[0] / 1000, max: range[1] / 1000 });
    });
    this.#element.setAttribute("aria-label", this.#description(windows));
  }

  #description(windows: readonly AthleteWindow[]): string {
    const { name, unit, of, text } = this.#quantity;
    const known = windows.flatMap((window) => {
      const value = of(window);
      return value === null ? [] : [{ value, atMs: window.startMs }];
    });
    const last = known.at(-1);
    if (!last) return `${name}: nothing measured.`;
    const values = known.map(({ value }) => value);
    const time = (ms: number) => clockTime(ms, this.#timezone).slice(0, 5);
    return (
      `${name} from ${time(known[0]!.atMs)} to ${time(last.atMs)}: ${text(last.value)} ${unit} at the end, ` +
      `between ${text(Math.min(...values))} and ${text(Math.max(...values))}.`
    );
  }

  #options(): uPlot.Options {
    const { color, spanMin, steps, text, isDown, lowest } = this.#quantity;
    const axis: uPlot.Axis = {
      stroke: () => cssColor("--ink-2"),
      grid: { stroke: () => cssColor("--line"), width: 1 },
      ticks: { show: false },
      font: "13px system-ui, sans-serif",
    };
    const bound: uPlot.Series = { stroke: "transparent", points: { show: false } };
    return {
      ...sizeOf(this.#element),
      legend: { show: false },
      cursor: { show: false },
      padding: [10, 14, 0, 0],
      scales: {
        x: { time: true },
        y: {
          dir: isDown ? -1 : 1,
          range: (_plot, min, max) => {
            // No data: any range will do.
            if (min === null || max === null) return [0, spanMin];
            const middle = (min + max) / 2;
            const half = Math.max(spanMin / 2, ((max - min) / 2) * 1.1);
            return [middle - half, middle + half];
          },
        },
      },
      axes: [
        {
          ...axis,
          size: 30,
          space: 64,
          values: (_plot, values) => values.map((value) => this.#timeText(value, values)),
        },
        { ...axis, size: 50, space: 34, incrs: [...steps], values: (_plot, values) => values.map(text) },
      ],
      series: [
        {},
        bound,
        bound,
        {
          stroke: () => cssColor(color),
          width: 2.5,
          // A point between two gaps makes no line.
          points: { show: (plot, series, from, to) => isSparse(plot, series, from, to), size: 5 },
        },
      ],
      ...(lowest && { bands: [{ series: [2, 1], fill: () => `${cssColor(color)}33` }] }),
    };
  }

  /** `10:31`; with seconds when the ticks are closer than a minute. */
  #timeText(value: number, ticks: readonly number[]): string {
    const isClose = ticks.length > 1 && ticks[1]! - ticks[0]! < 60;
    return clockTime(value * 1000, this.#timezone).slice(0, isClose ? 8 : 5);
  }
}

/** A row without a window where one is missing: the line ends there. */
function withGaps(windows: readonly AthleteWindow[]): { atMs: number; window?: AthleteWindow }[] {
  const rows: { atMs: number; window?: AthleteWindow }[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (const window of windows) {
    if (window.startMs > nextMs) rows.push({ atMs: nextMs });
    rows.push({ atMs: window.startMs, window });
    nextMs = window.endMs;
  }
  return rows;
}

function isSparse(plot: uPlot, series: number, from: number, to: number): boolean {
  const values = plot.data[series]!;
  for (let i = from + 1; i < to; i++)
    if (values[i] !== null && values[i - 1] === null && values[i + 1] === null) return true;
  return from === to;
}

function sizeOf({ clientWidth }: HTMLElement): { width: number; height: number } {
  return { width: clientWidth, height: clientWidth < PHONE_MAX ? HEIGHT_PHONE : HEIGHT };
}

function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
