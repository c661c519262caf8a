/**
 * Pace along the course: each leg as a step, the average so far as a line. Faster is higher. The table of splits holds the
 * same numbers; the picture is described in a sentence for who does not see it.
 */
import uPlot from "/vendor/uplot/uPlot.esm.js";
import type { RaceDetail, Runner } from "./api.ts";
import { kilometres, pace } from "./format.ts";

const HEIGHT = 260;
/** An even race must look even: at least this many seconds from top to bottom. */
const SPAN_MIN_S = 40;

interface Leg {
  fromM: number;
  toM: number;
  paceSPerKm: number;
  averageSPerKm: number | null;
}

export class PaceChart {
  readonly #element: HTMLElement;
  #plot: uPlot | null = null;
  #key = "";
  #distanceM = 0;

  constructor(element: HTMLElement) {
    this.#element = element;
    new ResizeObserver(() =>
      this.#plot?.setSize({ width: this.#element.clientWidth, height: HEIGHT }),
    ).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot?.redraw());
  }

  /** Draws the legs run so far; false when there is none. */
  update(race: RaceDetail, runner: Runner): boolean {
    const legs = legsOf(runner);
    if (legs.length === 0) return false;
    const key = JSON.stringify([race.distanceM, legs]);
    if (key === this.#key) return true;
    this.#key = key;
    this.#element.setAttribute("aria-label", description(legs));
    const data = series(legs);
    if (this.#plot && this.#distanceM === race.distanceM) this.#plot.setData(data);
    else {
      this.#plot?.destroy();
      this.#distanceM = race.distanceM;
      this.#plot = new uPlot(options(race, this.#element.clientWidth), data, this.#element);
    }
    return true;
  }
}

function legsOf(runner: Runner): Leg[] {
  const legs: Leg[] = [];
  let fromM = 0;
  for (const split of runner.splits) {
    const { legPaceSPerKm, netS, gunS, distanceM } = split;
    const time = netS ?? gunS;
    if (legPaceSPerKm !== null && distanceM > fromM) {
      const averageSPerKm = time === null ? null : time / (distanceM / 1000);
      legs.push({ fromM, toM: distanceM, paceSPerKm: legPaceSPerKm, averageSPerKm });
    }
    fromM = distanceM;
  }
  return legs;
}

/** Kilometres, leg pace, average. A step reaches back to the point before it, so each gap in the legs starts anew. */
function series(legs: Leg[]): uPlot.AlignedData {
  const x: number[] = [];
  const leg: (number | null)[] = [];
  const average: (number | null)[] = [];
  let reachedM = -1;
  for (const { fromM, toM, paceSPerKm, averageSPerKm } of legs) {
    if (fromM !== reachedM) {
      x.push(fromM / 1000);
      leg.push(paceSPerKm);
      average.push(null);
    }
    x.push(toM / 1000);
    leg.push(paceSPerKm);
    average.push(averageSPerKm);
    reachedM = toM;
  }
  return [x, leg, average];
}

function options(race: RaceDetail, width: number): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: () => color("--ink-2"),
    grid: { stroke: () => color("--line"), width: 1 },
    ticks: { show: false },
    font: "13px system-ui, sans-serif",
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [12, 12, 0, 0],
    scales: {
      x: { time: false, range: [0, race.distanceM / 1000] },
      y: {
        // Faster is higher.
        dir: -1,
        range: (_plot, min, max) => {
          const middle = (min + max) / 2;
          const half = Math.max(SPAN_MIN_S / 2, ((max - min) / 2) * 1.15);
          return [middle - half, middle + half];
        },
      },
    },
    axes: [
      {
        ...axis,
        values: (_plot, values) => values.map((value) => `${value} km`),
        incrs: [5, 10, 20],
        space: 60,
        size: 34,
      },
      {
        ...axis,
        size: 52,
        incrs: [5, 10, 15, 20, 30, 60, 120, 300, 600],
        space: 36,
        values: (_plot, values) => values.map((value) => pace(value)),
      },
    ],
    series: [
      {},
      {
        stroke: () => color("--blue"),
        width: 3,
        points: { show: false },
        ...(uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: -1 }) }),
      },
      {
        stroke: () => color("--chart-average"),
        width: 2,
        dash: [2, 5],
        points: { show: true, size: 7, width: 2 },
      },
    ],
  };
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function description(legs: Leg[]): string {
  const fastest = legs.reduce((best, leg) => (leg.paceSPerKm < best.paceSPerKm ? leg : best));
  const slowest = legs.reduce((worst, leg) => (leg.paceSPerKm > worst.paceSPerKm ? leg : worst));
  const last = legs.at(-1)!;
  const average = last.averageSPerKm === null ? "" : ` ${pace(last.averageSPerKm)} per kilometre on average.`;
  return (
    `Pace up to ${kilometres(last.toM)}.${average} Fastest leg ${pace(fastest.paceSPerKm)}, up to ${kilometres(fastest.toM)}; ` +
    `slowest ${pace(slowest.paceSPerKm)}, up to ${kilometres(slowest.toM)}.`
  );
}
