import { describe, expect, it } from "vitest";
import type { Leaderboard, RaceDetail, Row, Runner, Split } from "./public/api.ts";
import { changedLeaderboard, changedRunner } from "./public/changes.ts";
import { eventParser, type ServerEvent } from "./public/event-parser.ts";
import * as format from "./public/format.ts";
import { addressOf, readAddress, unknownIn } from "./public/view.ts";

describe("what people read", () => {
  it("writes durations with hours only where there are any", () => {
    expect([42, 842, 7235, 36_000].map(format.duration)).toEqual(["0:42", "14:02", "2:00:35", "10:00:00"]);
    expect(format.duration(null)).toBe("–");
    expect(format.duration(59.6)).toBe("1:00");
  });

  it("writes gaps with their sign", () => {
    expect([0, 67, -4].map(format.gap)).toEqual(["+0:00", "+1:07", "−0:04"]);
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
