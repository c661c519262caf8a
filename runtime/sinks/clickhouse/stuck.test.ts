import { describe, expect, test } from "vitest";
import { STUCK_AFTER_MS } from "../../health.ts";
import { Progress, problemsOf } from "./stuck.ts";

describe("work", () => {
  test("is stuck when it has not come to its end for half a minute, with the reason heard last", () => {
    const progress = new Progress();
    progress.begin(1_000);
    progress.begin(20_000);
    progress.hinder("clickhouse-refuses", "too many parts");
    expect(progress.stuck(1_000 + STUCK_AFTER_MS - 1)).toBeUndefined();
    expect(progress.stuck(1_000 + STUCK_AFTER_MS)).toEqual({
      code: "clickhouse-refuses",
      reason: "too many parts",
      sinceMs: 1_000,
    });
    progress.end();
    expect(progress.stuck(1e9)).toBeUndefined();
    progress.begin(1e9);
    expect(progress.stuck(2e9)).toEqual({ code: "no-progress", reason: "", sinceMs: 1e9 });
  });

  test("that never was is not stuck", () => {
    expect(new Progress().stuck(1e9)).toBeUndefined();
  });
});

test("tables with the same trouble are one problem, since the first of them, each reason said once", () => {
  const problems = problemsOf(
    "sink",
    new Map([
      ["b_log", { code: "clickhouse-away", reason: "connect ECONNREFUSED", sinceMs: 20 }],
      ["a_log", { code: "clickhouse-away", reason: "connect ECONNREFUSED", sinceMs: 10 }],
      ["c_log", { code: "no-progress", reason: "", sinceMs: 30 }],
    ]),
  );
  expect(problems).toEqual([
    {
      part: "sink",
      code: "clickhouse-away",
      message: expect.stringMatching(/^b_log, a_log: ClickHouse does not answer.*; connect ECONNREFUSED$/),
      sinceMs: 10,
    },
    { part: "sink", code: "no-progress", message: expect.stringContaining("c_log"), sinceMs: 30 },
  ]);
});
