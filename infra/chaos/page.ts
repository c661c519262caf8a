/** A run as one HTML page that needs nothing else: a time line of faults over throughput and lag, and the tables. Pure. */
import { recoveries } from "./report.ts";
import { clock, type RunReport } from "./run.ts";

const WIDTH = 1100;
const BAR_PX = 14;
const CHART_PX = 130;
const LEFT_PX = 170;

export function pageOf(report: RunReport): string {
  const { incidents, violations, notRun, spectators, verdict } = report;
  const good = violations.length === 0 && !report.interrupted;
  const verdictText = report.interrupted
    ? "Interrupted: no verdict"
    : good
      ? "Nothing lost, nothing doubled, every time and place right"
      : `${violations.length} violations`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Chaos, seed ${report.seed}</title>
<style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: ${WIDTH + 40}px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.verdict { padding: .6rem 1rem; border-radius: .4rem; color: #fff; background: ${good ? "#146c43" : "#b02a37"}; font-weight: 600 }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #8884; vertical-align: top }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
svg { width: 100%; height: auto; background: #8881 } svg text { font-size: 10px; fill: currentColor }
.held { fill: #d97706 } .recovering { fill: #fbbf24 } .bad { fill: #b02a37 }
.sent { stroke: #6b7280 } .outcomes { stroke: #2563eb } .rows { stroke: #146c43 } polyline { fill: none; stroke-width: 1.2 }
</style>
<h1>Chaos, seed ${report.seed}</h1>
<p class="verdict">${escaped(verdictText)}</p>
<p>${report.reads} reads in ${clock(report.tookMs)} min, ${incidents.length} faults, ${report.brokers} broker(s), ${report.nodes} nodes, ${spectators.length} spectators.</p>
${violations.length > 0 ? `<ul>${violations.map((text) => `<li>${escaped(text)}`).join("")}</ul>` : ""}
<h2>Time line</h2>
${timeLine(report)}
<p>Orange: the fault. Yellow: from heal until everything flowed again, end to end. Grey, blue, green: reads sent, outcomes in Kafka, rows in ClickHouse, a second. Below: lag of outcomes (blue) and of rows (green).</p>
<h2>Faults</h2>
${tableOf(
  ["at", "fault", "rows", "lasted", "recovered", "what"],
  incidents.map((it) => [
    clock(it.injectedMs),
    it.fault,
    it.rows.join(", "),
    seconds(it.healedMs - it.injectedMs),
    it.recoveryMs === null ? "–" : seconds(it.recoveryMs),
    it.violation ?? it.detail,
  ]),
)}
<h2>Recovery</h2>
${tableOf(
  ["fault", "times", "median", "worst"],
  recoveries(incidents).map((it) => [it.fault, String(it.times), seconds(it.medianMs), seconds(it.worstMs)]),
)}
${
  notRun.length > 0
    ? `<h2>Not run</h2>${tableOf(
        ["fault", "why"],
        notRun.map(({ fault, why }) => [fault, why]),
      )}`
    : ""
}
<h2>Compared</h2>
${tableOf(
  ["what", "count"],
  [
    ...Object.entries(verdict.compared).map(([what, count]) => [what, String(count)]),
    ...spectators.map(({ name, connects, events, resets }) => [
      name,
      `${events} events, ${connects} connections, ${resets} resets`,
    ]),
  ],
)}
</html>
`;
}

function timeLine({ incidents, samples, tookMs }: RunReport): string {
  const names = [...new Set(incidents.map(({ fault }) => fault))];
  const x = (ms: number) => (LEFT_PX + (ms / tookMs) * (WIDTH - LEFT_PX)).toFixed(1);
  const w = (ms: number) => Math.max(1.5, (ms / tookMs) * (WIDTH - LEFT_PX)).toFixed(1);
  const top = names.length * BAR_PX + 10;
  const height = top + 2 * CHART_PX + 30;
  const bars = incidents.map(({ fault, injectedMs, healedMs, recoveryMs, violation, detail }) => {
    const y = names.indexOf(fault) * BAR_PX + 2;
    const bar = (kind: string, fromMs: number, ms: number) =>
      `<rect class="${kind}" x="${x(fromMs)}" y="${y}" width="${w(ms)}" height="${BAR_PX - 4}"><title>${escaped(`${fault}: ${violation ?? detail}`)}</title></rect>`;
    return `${bar("held", injectedMs, healedMs - injectedMs)}${bar(violation ? "bad" : "recovering", healedMs, recoveryMs ?? 0)}`;
  });
  const labels = names.map((name, i) => `<text x="2" y="${i * BAR_PX + BAR_PX - 3}">${escaped(name)}</text>`);
  const chart = (y: number, unit: string, kinds: readonly (readonly [string, (i: number) => number])[]) => {
    const highest = Math.max(1, ...kinds.flatMap(([, of]) => samples.map((_, i) => of(i))));
    const lines = kinds.map(([kind, of]) => {
      const points = samples.map(
        ({ atMs }, i) => `${x(atMs)},${(y + CHART_PX - (of(i) / highest) * (CHART_PX - 12)).toFixed(1)}`,
      );
      return `<polyline class="${kind}" points="${points.join(" ")}"/>`;
    });
    return `<text x="2" y="${y + 12}">${Math.round(highest)} ${unit}</text>${lines.join("")}`;
  };
  const ticks = Array.from({ length: 11 }, (_, i) => {
    const ms = (tookMs * i) / 10;
    return `<text x="${x(ms)}" y="${height - 6}">${clock(ms)}</text>`;
  });
  return `<svg viewBox="0 0 ${WIDTH + 30} ${height}" role="img" aria-label="faults, throughput and lag over time">
${labels.join("")}${bars.join("")}
${chart(top, "a second", [
  ["sent", (i) => samples[i]!.sent],
  ["rows", (i) => samples[i]!.rows],
  ["outcomes", (i) => samples[i]!.outcomes],
])}
${chart(top + CHART_PX + 5, "s lag", [
  ["rows", (i) => samples[i]!.rowLagMs / 1000],
  ["outcomes", (i) => samples[i]!.lagMs / 1000],
])}
${ticks.join("")}</svg>`;
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => `<td${/^[\d.:]+( s)?$/.test(text) ? ' class="n"' : ""}>${escaped(text)}`;
  return `<table><tr>${head.map((name) => `<th>${name}`).join("")}${rows.map((row) => `<tr>${row.map(cell).join("")}`).join("\n")}</table>`;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}
