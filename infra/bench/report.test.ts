import { describe, expect, test } from "vitest";
import { alertsMeasured } from "./alerts.ts";
import { OURS } from "./engines.ts";
import { describeSummary, type Measured, summarise } from "./report.ts";
import { WINDOWS_COLUMNS, windowsMeasured } from "./windows.ts";

const windowsRow = {
  died: "false",
  steady_rps: "892000",
  cpu_s_per_M_steady: "2.00",
  cpu_s_per_M_total: "2.70",
  broker_cpu_s_per_M: "0.12",
  peak_rss_mb: "908",
  first_output_s: "7.32",
  other_cores: "0.05",
  windows_missing: "0",
  duplicates: "0",
  late_dropped: "0",
  ok: "true",
};
const alertsRow = {
  died: "false",
  samples: "100",
  p50_ms: "7",
  p99_ms: "18",
  engine_cores: "0.50",
  broker_cores: "0.25",
  idle_cores: "0.75",
  alerts_missing: "0",
  duplicates: "3",
};

describe("a run's row", () => {
  test("of windows is right when every window came once and the sums agree", () => {
    expect(windowsMeasured("flink", 0, windowsRow)).toMatchObject({
      values: { readingsPerS: 892_000, cpuSPerM: 2, peakMb: 908 },
      wrong: [],
    });
  });

  test.each([
    [{ windows_missing: "4", ok: "false" }, "windows_missing 4"],
    [{ duplicates: "1", ok: "false" }, "duplicates 1"],
    [{ late_dropped: "9", ok: "false" }, "late_dropped 9"],
    [{ ok: "false" }, "sums differ from the input's"],
    [{ died: "true" }, "the engine ended by itself, see its log"],
  ])("of windows that says %o is wrong", (difference, reason) => {
    expect(windowsMeasured("flink", 0, { ...windowsRow, ...difference }).wrong).toEqual([reason]);
  });

  test("leaves out what could not be measured", () => {
    const { values } = windowsMeasured("flink", 0, { ...windowsRow, steady_rps: "NaN", peak_rss_mb: "-" });
    expect(values).not.toHaveProperty("readingsPerS");
    expect(values).not.toHaveProperty("peakMb");
  });

  test("of alerts may hold duplicates only where it is at least once", () => {
    expect(alertsMeasured("flink", 0, 5_000, "alo", alertsRow).wrong).toEqual([]);
    expect(alertsMeasured("flink", 0, 5_000, "eo", alertsRow).wrong).toEqual(["duplicates 3"]);
  });

  test("of alerts gives CPU a million readings from the cores it kept busy", () => {
    expect(alertsMeasured("flink", 0, 5_000, "alo", alertsRow).values).toMatchObject({
      cpuSPerM: 100,
      brokerCpuSPerM: 50,
    });
  });

  test("of alerts without any alert is wrong and measures nothing", () => {
    const { values, wrong } = alertsMeasured("flink", 0, 5_000, "eo", {
      ...alertsRow,
      samples: "0",
      duplicates: "0",
    });
    expect(values).toEqual({});
    expect(wrong).toEqual(["no alert in the measured time"]);
  });
});

describe("the comparison of several rounds", () => {
  const run = (engine: string, round: number, cpuSPerM: number, wrong: string[] = []): Measured => ({
    engine,
    round,
    values: { cpuSPerM },
    wrong,
  });
  const summary = summarise({
    work: "windows",
    input: "an input",
    columns: WINDOWS_COLUMNS,
    measured: [run(OURS, 0, 1), run("flink", 0, 2), run(OURS, 1, 3, ["duplicates 1"]), run("flink", 1, 4)],
  });

  test("sets ours against each other engine, round by round", () => {
    expect(summary.ratios).toEqual({ flink: { cpuSPerM: { median: 0.625, min: 0.5, max: 0.75 } } });
  });

  test("names engine and round of what was wrong", () => {
    expect(summary.wrong).toEqual([`${OURS}, round 2: duplicates 1`]);
  });

  test("reads as a table", () => {
    const text = describeSummary(summary, WINDOWS_COLUMNS);
    expect(text).toMatch(/^ {2}flink +- +3\.00 \(2\.00-4\.00\)/m);
    expect(text).toContain("ours to flink: CPU s/M × 0.63 (0.50-0.75)");
    expect(text).toContain("WRONG pacestream, round 2: duplicates 1");
  });
});
