/** The readings that prove an alert: the heart rate over time, with the limit it is held against. */
import uPlot from "/vendor/uplot/uPlot.esm.js";
import type { AlertDetail } from "./medic-api.ts";
import { clockTime } from "./medic-words.ts";

const HEIGHT = 180;
/** A steady heart must look steady: at least this many beats a minute from bottom to top. */
const SPAN_MIN = 30;

/** Draws into `element`; false when no heart rate was measured. @returns the end of it. */
export function drawEvidence(
  element: HTMLElement,
  alert: AlertDetail,
  timezone: string | undefined,
): (() => void) | undefined {
  const hearts = alert.evidence.map(({ hr }) => hr);
  if (!hearts.some((hr) => hr !== null)) return undefined;
  const times = alert.evidence.map(({ tsMs }) => tsMs / 1000);
  const limit = alert.kind === "high_heart_rate" ? alert.limit : null;
  const steps = alert.kind === "cadence_lock" ? alert.evidence.map(({ cadence }) => cadence) : undefined;
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", description(alert, limit, timezone));
  const data: uPlot.AlignedData = [times, hearts, times.map(() => limit), ...(steps ? [steps] : [])];
  const plot = new uPlot(options(element.clientWidth, timezone, steps !== undefined), data, element);
  const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
  resized.observe(element);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = (): void => plot.redraw();
  scheme.addEventListener("change", redraw);
  return () => {
    resized.disconnect();
    scheme.removeEventListener("change", redraw);
    plot.destroy();
  };
}

function options(width: number, timezone: string | undefined, withSteps: boolean): uPlot.Options {
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
    padding: [12, 30, 0, 0],
    scales: {
      x: { time: false },
      y: {
        range: (_plot, min, max) => {
          const middle = (min + max) / 2;
          const half = Math.max(SPAN_MIN / 2, ((max - min) / 2) * 1.2);
          return [middle - half, middle + half];
        },
      },
    },
    axes: [
      {
        ...axis,
        size: 32,
        space: 90,
        values: (_plot, values) => values.map((value) => clockTime(value * 1000, timezone)),
      },
      { ...axis, size: 44, incrs: [5, 10, 20, 50], space: 30 },
    ],
    series: [
      {},
      { stroke: () => color("--blue"), width: 2.5, points: { show: true, size: 7 }, spanGaps: true },
      { stroke: () => color("--bad"), width: 2, dash: [8, 5], points: { show: false } },
      ...(withSteps
        ? [{ stroke: () => color("--ink-2"), width: 2, dash: [2, 4], points: { show: false } }]
        : []),
    ],
  };
}

function description(alert: AlertDetail, limit: number | null, timezone: string | undefined): string {
  const hearts = alert.evidence.flatMap(({ hr }) => hr ?? []);
  const [from, to] = [alert.evidence[0]!, alert.evidence.at(-1)!].map(({ tsMs }) =>
    clockTime(tsMs, timezone),
  );
  const against = limit === null ? "" : `; the limit is ${Math.round(limit)}`;
  return `Heart rate from ${from} to ${to}: between ${Math.min(...hearts)} and ${Math.max(...hearts)} beats a minute${against}.`;
}

function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
