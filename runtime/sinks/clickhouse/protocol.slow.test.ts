/**
 * The protocol on a machine that has no time: commits take seconds, inserts minutes, and all tables share one writer. What is
 * asked of it: every batch is done after some attempts, however slow everything is, and what was sent once and arrived is not
 * sent again.
 */
import { expect, test } from "vitest";
import type { Range } from "./announcement.ts";
import { decide, follow, type Happening, recover, type TableState } from "./protocol.ts";

const TABLES = 11;
const BATCHES = 5;

interface Slowness {
  readonly commitMs: number;
  readonly insertMs: number;
  readonly countMs: number;
}

interface Work {
  /** Of the virtual clock. */
  readonly tookMs: number;
  readonly announced: number;
  readonly sent: number;
}

/** All tables side by side in virtual time. ClickHouse goes on with an insert whose sender has given up. */
function run({ commitMs, insertMs, countMs }: Slowness): Work {
  const tables = Array.from({ length: TABLES }, () => ({
    state: recover(undefined, [0]) as TableState,
    freeAtMs: 0,
    happening: undefined as Happening | undefined,
    batches: 0,
    /** When rows that were sent are there; of the batch at hand. */
    thereAtMs: Number.POSITIVE_INFINITY,
  }));
  let announced = 0;
  let sent = 0;
  /** One transaction at a time takes what is announced while it waits for its turn (E1). */
  let commitEndsMs = 0;
  let nowMs = 0;
  for (let steps = 0; tables.some(({ batches }) => batches < BATCHES); steps++) {
    if (steps > 20_000) throw new Error(`no progress: ${announced} announcements, ${sent} inserts`);
    const table = tables
      .filter(({ batches }) => batches < BATCHES)
      .reduce((first, one) => (one.freeAtMs < first.freeAtMs ? one : first));
    nowMs = Math.max(nowMs, table.freeAtMs);
    if (table.happening) {
      table.state = follow(table.state, table.happening);
      table.happening = undefined;
      if (table.state.phase.kind === "clear") table.batches++;
      continue;
    }
    const action = decide(table.state, nowMs);
    switch (action.kind) {
      case "take": {
        const first = table.state.ranges[0]!.end;
        const ranges: Range[] = [{ partition: 0, first, end: first + 10 }];
        table.thereAtMs = Number.POSITIVE_INFINITY;
        const rows = { count: 10, ends: new Map([[0, first + 10]]) };
        table.state = follow(table.state, { kind: "taken", ranges, rows });
        break;
      }
      case "announce": {
        announced++;
        const startedMs = Math.max(nowMs, commitEndsMs);
        if (startedMs === nowMs) commitEndsMs = nowMs + commitMs;
        table.freeAtMs = startedMs + commitMs;
        table.happening = {
          kind: "announced",
          outcome: { kind: "committed" },
          startedMs,
          nowMs: table.freeAtMs,
        };
        break;
      }
      case "insert": {
        sent++;
        table.thereAtMs = Math.min(table.thereAtMs, nowMs + insertMs);
        table.freeAtMs = nowMs + Math.min(insertMs, action.timeoutMs);
        table.happening =
          insertMs <= action.timeoutMs ? { kind: "inserted" } : { kind: "failed", nowMs: table.freeAtMs };
        break;
      }
      case "count":
        table.freeAtMs = nowMs + countMs;
        table.happening = { kind: "counted", rows: table.thereAtMs <= table.freeAtMs ? 10 : 0 };
        break;
      case "pause":
        table.freeAtMs = action.untilMs;
        break;
      default:
        throw new Error(`unexpected ${action.kind}`);
    }
  }
  return { tookMs: nowMs, announced, sent };
}

test("commits that take longer than all tables have patience for cost one announcement a batch", () => {
  for (const commitMs of [10, 1_000, 6_000, 65_000]) {
    const { announced, sent } = run({ commitMs, insertMs: 100, countMs: 10 });
    expect([commitMs, announced, sent]).toEqual([commitMs, TABLES * BATCHES, TABLES * BATCHES]);
  }
});

test("inserts that take longer than their time-out are found there, or get more time, and are sent twice at most", () => {
  for (const insertMs of [61_000, 100_000, 170_000]) {
    const { announced, sent } = run({ commitMs: 1_000, insertMs, countMs: 1_000 });
    expect(sent).toBeLessThanOrEqual(2 * TABLES * BATCHES);
    expect(announced).toBeLessThanOrEqual(3 * TABLES * BATCHES);
  }
});

test("a machine on which everything is slow gets there, in time that grows with its slowness", () => {
  const slow = run({ commitMs: 40_000, insertMs: 400_000, countMs: 50_000 });
  expect(slow.sent).toBeLessThanOrEqual(3 * TABLES * BATCHES);
  expect(slow.tookMs).toBeLessThan(BATCHES * 3 * (400_000 + 2 * 80_000 + 3 * 50_000));
});
