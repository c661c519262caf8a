/** What a run is told as: text for a terminal. The page is `page.ts`. */
import { table } from "../cli/output.ts";
import { clock, type Incident, type RunReport } from "./run.ts";

export function describeRun(report: RunReport): string {
  const { incidents, notRun, verdict, violations, spectators } = report;
  const lines = [
    "",
    `Chaos, seed ${report.seed}: ${report.reads} reads, ${incidents.length} faults in ${clock(report.tookMs)} min on ${report.brokers} broker(s) and ${report.nodes} nodes`,
    "",
    table(
      ["AT", "FAULT", "ROWS", "LASTED", "RECOVERED", "WITHIN", "WHAT"],
      incidents.map((incident) => [
        clock(incident.injectedMs),
        incident.fault,
        incident.rows.join(" "),
        seconds(incident.healedMs - incident.injectedMs),
        recovered(incident),
        `${incident.recoversWithinS} s`,
        incident.violation ?? incident.detail,
      ]),
    ),
    "",
    table(
      ["FAULT", "TIMES", "MEDIAN", "WORST"],
      recoveries(incidents).map(({ fault, times, medianMs, worstMs }) => [
        fault,
        String(times),
        seconds(medianMs),
        seconds(worstMs),
      ]),
    ),
    "",
    ...spectators.map(
      ({ name, connects, events, resets }) =>
        `${name}: ${events} events over ${connects} connections, ${resets} resets`,
    ),
    ...Object.entries(verdict.compared).map(
      ([what, count]) => `compared ${String(count).padStart(8)} ${what}`,
    ),
  ];
  if (notRun.length > 0) {
    lines.push("", "Not run:", ...notRun.map(({ fault, why }) => `  ${fault}: ${why}`));
  }
  lines.push("");
  if (report.interrupted) lines.push("Interrupted: no verdict.");
  else if (violations.length === 0)
    lines.push(
      "Verdict: nothing lost, nothing doubled, every time and place right, every fault recovered from.",
    );
  else lines.push(`Verdict: ${violations.length} VIOLATIONS`, ...violations.map((text) => `  ${text}`));
  return lines.join("\n");
}

export interface Recovery {
  readonly fault: string;
  readonly times: number;
  readonly medianMs: number;
  readonly worstMs: number;
}

/** By fault, those that were measured; slowest first. */
export function recoveries(incidents: readonly Incident[]): Recovery[] {
  const measured = incidents.filter(({ recoveryMs }) => recoveryMs !== null);
  return [...Map.groupBy(measured, ({ fault }) => fault)]
    .map(([fault, all]) => {
      const sorted = all.map(({ recoveryMs }) => recoveryMs!).sort((a, b) => a - b);
      return { fault, times: all.length, medianMs: sorted[sorted.length >> 1]!, worstMs: sorted.at(-1)! };
    })
    .sort((a, b) => b.worstMs - a.worstMs);
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

function recovered({ recoveryMs, violation }: Incident): string {
  if (recoveryMs !== null) return seconds(recoveryMs);
  return violation ? "no" : "race over";
}
