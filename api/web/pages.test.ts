import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { durationText } from "../../jobs/lib/course.ts";
import type { AlertsState } from "../live/alerts/alerts-view.ts";
import type { AlertSummary } from "../live/alerts/schemas.ts";
import { readPages } from "../pages.ts";
import type { Leaderboard, RaceDetail, Row, Runner, Split } from "./public/api.ts";
import { changedLeaderboard, changedRunner } from "./public/changes.ts";
import { eventParser, type ServerEvent } from "./public/event-parser.ts";
import * as format from "./public/format.ts";
import { medicAddressOf, readMedicAddress } from "./public/medic-address.ts";
import { changedAlerts } from "./public/medic-changes.ts";
import { clockTime, lasted, nowOf, raceTimeMs, readMs } from "./public/medic-words.ts";
import { addressOf, readAddress, unknownIn } from "./public/view.ts";

describe("what people read", () => {
  it("writes durations with hours only where there are any", () => {
    expect([42, 842, 7235, 36_000].map(format.duration)).toEqual(["0:42", "14:02", "2:00:35", "10:00:00"]);
    expect(format.duration(null)).toBe("–");
    expect(format.duration(59.6)).toBe("1:00");
  });

  it("shows the next longer whole second, as the road's rules say, and so do reasons", () => {
    for (const [seconds, shown] of [
      [7784, "2:09:44"],
      [7784.000_000_1, "2:09:44"],
      [7784.001, "2:09:45"],
      [7784.3, "2:09:45"],
      [59.999, "1:00"],
      [3599.2, "1:00:00"],
    ] as const) {
      expect(format.duration(seconds)).toBe(shown);
      expect(durationText(Math.round(seconds * 1000))).toBe(shown);
    }
  });

  it("shows gaps that are those of the times shown", () => {
    const [first, second, third] = [7784.1, 7784.9, 7785.2];
    const ofSecond = format.gap(second - first, second);
    expect([format.duration(first), format.duration(second), ofSecond]).toEqual([
      "2:09:45",
      "2:09:45",
      "+0:00",
    ]);
    expect([format.duration(third), format.gap(third - first, third)]).toEqual(["2:09:46", "+0:01"]);
  });

  it("writes gaps with their sign", () => {
    expect([0, 67, -4].map((seconds) => format.gap(seconds))).toEqual(["+0:00", "+1:07", "−0:04"]);
  });

  it("writes times of day, also past midnight", () => {
    expect(format.timeOfDay(27_002)).toBe("07:30:02");
    expect(format.timeOfDay(86_400 + 760)).toBe("00:12:40 +1");
  });

  it("writes ordinals", () => {
    const written = [1, 2, 3, 4, 11, 12, 13, 21, 112, 5301].map(format.ordinal);
    expect(written).toEqual([
      "1st",
      "2nd",
      "3rd",
      "4th",
      "11th",
      "12th",
      "13th",
      "21st",
      "112th",
      "5\u202f301st",
    ]);
  });

  it("names divisions with their gender in words", () => {
    expect(format.divisionName("F 40-44")).toBe("Women 40-44");
    expect(format.divisionName("Wheelchair")).toBe("Wheelchair");
  });
});

describe("an alert in words", () => {
  it("says the time where the race is, and the day when it is another", () => {
    const atMs = Date.parse("2023-10-08T14:30:05Z");
    expect(clockTime(atMs, "America/Chicago")).toBe("09:30:05");
    expect(clockTime(Date.parse("2026-11-24T10:00:00Z"), "America/Chicago", atMs)).toBe(
      "24 Nov 2026, 04:00:00",
    );
    expect(raceTimeMs("2023-10-08", "America/Chicago", 9.5 * 3600 + 5)).toBe(atMs);
    expect(raceTimeMs("2024-04-14", "Europe/Vienna", 3600)).toBe(Date.parse("2024-04-13T23:00:00Z"));
    expect(raceTimeMs("2024-01-14", "UTC", 3600)).toBe(Date.parse("2024-01-14T01:00:00Z"));
    // New York's marathon is on the day on which the clock is set back.
    expect(raceTimeMs("2023-11-05", "America/New_York", 10 * 3600, 9 * 3600)).toBe(
      Date.parse("2023-11-05T15:00:00Z"),
    );
  });

  it("tells now from the race: ours if it is run now, its own if it is replayed", () => {
    const raceMs = Date.parse("2023-10-08T14:30:05Z");
    expect(nowOf(raceMs, raceMs + 60_000)).toBe(raceMs + 60_000);
    expect(nowOf(raceMs, Date.parse("2026-11-24T10:00:00Z"))).toBe(raceMs);
    const replayed = { raisedMs: raceMs - 5, escalatedMs: null, atMs: raceMs } as AlertSummary;
    expect(readMs({ ...replayed, state: "raised" })).toBe(raceMs);
    const taken = { ...replayed, state: "acknowledged", atMs: Date.parse("2026-11-24T10:00:00Z") } as const;
    expect(readMs(taken)).toBe(raceMs - 5);
    expect(readMs({ ...taken, escalatedMs: raceMs })).toBe(raceMs);
    expect([30_000, 240_000, 7_500_000].map(lasted)).toEqual(["under a minute", "4 min", "2 h 5 min"]);
  });

  it("leads back to what the medic's page showed", () => {
    const address = { race: "r 1", show: "over", urgency: "high", alert: "r 1/7/no_motion/5" } as const;
    expect(readMedicAddress(medicAddressOf(address).slice("/medic.html".length))).toEqual(address);
    const all = { race: "", show: "open", urgency: undefined, alert: "" } as const;
    expect(medicAddressOf(all)).toBe("/medic.html");
    expect(readMedicAddress("?show=nothing&urgency=__proto__")).toEqual(all);
  });
});

describe("an address of the board", () => {
  const race = {
    name: "City",
    mats: [{ id: "10k" }],
    genders: ["F"],
    divisions: ["F 40-44"],
  } as unknown as RaceDetail;

  it("leads back to the view it was made of", () => {
    for (const view of [
      { at: "live", by: "overall", of: "", offset: 0 },
      { at: "10k", by: "division", of: "F 40-44", offset: 100 },
    ] as const) {
      expect(readAddress(addressOf("r 1", view).slice(1))).toEqual({ race: "r 1", view });
    }
  });

  it("falls back where it makes no sense", () => {
    const all = { at: "live", by: "overall", of: "", offset: 0 };
    expect(readAddress("?by=gender&from=-3").view).toEqual(all);
    expect(readAddress("?by=shoe&of=red&from=x").view).toEqual(all);
  });

  it("is told apart from one of another race", () => {
    expect(unknownIn(readAddress("?at=10k&by=gender&of=F").view, race)).toBeUndefined();
    expect(unknownIn(readAddress("?at=20k").view, race)).toContain("20k");
    expect(unknownIn(readAddress("?by=division&of=M 80").view, race)).toContain("M 80");
  });
});

describe("a stream of events", () => {
  function parsed(pieces: readonly string[]): ServerEvent[] {
    const events: ServerEvent[] = [];
    const parser = eventParser((event) => events.push(event));
    for (const piece of pieces) parser.push(piece);
    return events;
  }

  it("is read the same however it is cut", () => {
    const text =
      ':ok\n\nretry: 1000\nid: 0:7\r\nevent: change\r\ndata: {"a":\r\ndata: 1}\r\n\r\n:\ndata: x\n\n';
    const whole = parsed([text]);
    expect(whole).toEqual([
      { type: "change", data: '{"a":\n1}', id: "0:7" },
      { type: "message", data: "x", id: null },
    ]);
    expect(parsed([...text])).toEqual(whole);
  });

  it("forgets half an event when the connection begins anew", () => {
    const events: ServerEvent[] = [];
    const parser = eventParser((event) => events.push(event));
    parser.push("event: change\ndata: ha");
    parser.restart();
    parser.push("data: whole\n\n");
    expect(events).toEqual([{ type: "message", data: "whole", id: null }]);
  });
});

describe("a change of the alerts", () => {
  const alert = (id: string, state = "raised") => ({ id, state }) as AlertSummary;
  const state = { alerts: [alert("a"), alert("b")], total: 2, counts: {} } as unknown as AlertsState;

  it("brings in alerts, moves them and lets them go, also when it comes twice", () => {
    const change = { alerts: [alert("c"), alert("b", "escalated")], order: ["b", "c"], total: 3 };
    const after = changedAlerts(state, change);
    expect(after.alerts).toEqual([alert("b", "escalated"), alert("c")]);
    expect(after.total).toBe(3);
    expect(changedAlerts(after, change)).toEqual(after);
  });
});

describe("a change", () => {
  const row = (bib: string, netS: number): Row => ({ bib, netS }) as Row;
  const board = { passed: 2, asOf: 10, rows: [row("1", 100), row("2", 110)] } as Leaderboard;

  it("brings in rows, moves them and lets them go", () => {
    const change = { asOf: 20, passed: 3, rows: [row("3", 90)], order: ["3", "1"] };
    const after = changedLeaderboard(board, change);
    expect(after.rows.map(({ bib }) => bib)).toEqual(["3", "1"]);
    expect(after.passed).toBe(3);
    expect(changedLeaderboard(after, change)).toEqual(after);
  });

  it("leaves the rows alone when only the clock moved", () => {
    const after = changedLeaderboard(board, { asOf: 11, passed: 2 });
    expect(after.asOf).toBe(11);
    expect(after.rows).toEqual(board.rows);
  });

  it("replaces, adds and removes a runner's splits, by distance", () => {
    const split = (mat: string, distanceM: number): Split => ({ mat, distanceM }) as Split;
    const runner = { status: "running", splits: [split("5k", 5000), split("20k", 20_000)] } as Runner;
    const after = changedRunner(runner, {
      asOf: 1,
      status: "finished",
      splits: [split("10k", 10_000)],
      removed: ["20k"],
    });
    expect(after.status).toBe("finished");
    expect(after.splits.map(({ mat }) => mat)).toEqual(["5k", "10k"]);
  });
});

describe("what pages share with the runtime", () => {
  it("is served as modules that a browser can load as they are", async () => {
    const pages = readPages(fileURLToPath(new URL("public", import.meta.url)));
    const vendor = `data:text/javascript;base64,${pages.get("/vendor/temporal-polyfill.js")?.body.toString("base64")}`;
    const script = pages
      .get("/runtime/zoned-time.js")
      ?.body.toString()
      .replace("/vendor/temporal-polyfill.js", vendor);
    const served: typeof import("../../runtime/zoned-time.ts") = await import(
      `data:text/javascript,${encodeURIComponent(script ?? "")}`
    );
    expect(served.localToUtcMs("2023-11-05", 9 * 3_600_000, "America/New_York")).toBe(
      Date.parse("2023-11-05T14:00:00Z"),
    );
  });
});
