import { describe, expect, test } from "vitest";
import { hours, minutes, seconds } from "../../../runtime/index.ts";
import { JobHarness } from "../../../runtime/testing/index.ts";
import {
  ActivitySession,
  LateReading,
  Race,
  type Reading,
  ReadingWindow,
  Upload,
} from "../../../schemas/index.ts";
import runners from "../../windowed-aggregates.ts";
import { EXAMPLE_RACE } from "../example-race.ts";
import { NOTHING } from "./testing/simulated.ts";

const SYDNEY: Race = { ...EXAMPLE_RACE, id: "sydney", timezone: "Australia/Sydney" };

/** Somebody who is measured each ten seconds, from `from` for so many minutes. */
function measured(
  harness: JobHarness,
  from: string,
  lengthMin: number,
  fields: Partial<Reading> & { participant?: string; event?: string | null } = {},
): void {
  const { participant = "p", event = null, ...more } = fields;
  const fromMs = Date.parse(from);
  for (let minute = 0; minute < lengthMin; minute++) {
    const startMs = fromMs + minutes(minute);
    const readings = Array.from({ length: 6 }, (_, i) => {
      const tsMs = startMs + seconds(i * 10);
      return { ...NOTHING, tsMs, distanceM: (tsMs - fromMs) / 500, ...more };
    });
    const receivedMs = readings.at(-1)!.tsMs;
    harness.nowMs = Math.max(harness.nowMs, receivedMs);
    harness.send("uploads", Upload, participant, {
      participant,
      event,
      device: `watch-${participant}`,
      id: receivedMs,
      sentMs: receivedMs,
      receivedMs,
      readings,
    });
    harness.run();
  }
}

function play(tell: (harness: JobHarness) => void) {
  const harness = new JobHarness(runners, { partitions: 1, nowMs: 0 });
  harness.send("races", Race, SYDNEY.id, SYDNEY);
  harness.run();
  tell(harness);
  for (let hour = 0; hour < 60; hour++) harness.advance(hours(1));
  const days = harness
    .output("reading-windows", ReadingWindow)
    .filter(({ participant, size, pane }) => participant === "p" && size === "1d" && pane !== "early");
  const at = (ms: number) => new Date(ms).toISOString().slice(0, 16);
  return {
    harness,
    days: days.map(({ startMs, endMs, readings }) => [at(startMs), at(endMs), readings]),
  };
}

describe("a day", () => {
  test("of somebody in a race is one where the race is", () => {
    const { days } = play((harness) => measured(harness, "2026-08-29T22:00Z", 180, { event: SYDNEY.id }));
    expect(days).toEqual([["2026-08-29T14:00", "2026-08-30T14:00", 1080]]);
  });
  test("of somebody whose position is known is one where they are, summer time and all", () => {
    const { days } = play((harness) =>
      measured(harness, "2026-10-25T21:00Z", 180, { lat: 40.42, lon: -3.7 }),
    );
    // Madrid, on the day whose night had an hour more.
    expect(days).toEqual([
      ["2026-10-24T22:00", "2026-10-25T23:00", 720],
      ["2026-10-25T23:00", "2026-10-26T23:00", 360],
    ]);
  });
  test("of somebody of whom no place is known does not end near when they are about", () => {
    for (const from of ["2026-10-11T23:30Z", "2026-10-11T11:30Z", "2026-10-11T02:00Z"])
      expect(play((harness) => measured(harness, from, 180)).days).toHaveLength(1);
  });
  test("follows the one before it without overlap, though somebody has flown to another zone", () => {
    const { days } = play((harness) => {
      measured(harness, "2026-10-11T06:00Z", 5, { lat: -33.87, lon: 151.2 });
      measured(harness, "2026-10-11T20:00Z", 5, { lat: 41.88, lon: -87.63 });
    });
    expect(days).toEqual([
      ["2026-10-10T13:00", "2026-10-11T13:00", 30],
      ["2026-10-11T13:00", "2026-10-12T05:00", 30],
    ]);
  });
  test("takes late readings for half an hour, and tells of those after that", () => {
    const { harness, days } = play((all) => {
      measured(all, "2026-08-30T13:00Z", 50, { event: SYDNEY.id });
      measured(all, "2026-08-30T14:20Z", 1, { participant: "q" });
      measured(all, "2026-08-30T13:55Z", 1, { event: SYDNEY.id });
      measured(all, "2026-08-30T14:40Z", 1, { participant: "q" });
      measured(all, "2026-08-30T13:57Z", 1, { event: SYDNEY.id });
    });
    expect(days.map(([, , readings]) => readings)).toEqual([300, 301, 302, 303, 304, 305, 306]);
    const missed = harness.output("late-readings", LateReading).filter(({ missed }) => missed === "1d");
    expect(missed).toHaveLength(6);
  });
});

test("readings of a watch that does not know the time are told, and are in no window", () => {
  const { harness, days } = play((all) => {
    measured(all, "1970-01-01T00:00Z", 1);
    measured(all, "2026-08-29T22:00Z", 2, { event: SYDNEY.id });
  });
  expect(days.map(([, , readings]) => readings)).toEqual([12]);
  const told = harness.output("late-readings", LateReading);
  expect(told.map(({ missed }) => missed)).toEqual(Array(6).fill("undated"));
});

test("a run is one stretch of activity though the watch was out of reach for a while", () => {
  const { harness } = play((all) => {
    measured(all, "2026-10-11T12:00Z", 5);
    for (let minute = 0; minute < 12; minute++) {
      const at = new Date(Date.parse("2026-10-11T12:00Z") + minutes(minute)).toISOString();
      measured(all, at, 1, { participant: "q" });
    }
    measured(all, "2026-10-11T12:05Z", 5);
  });
  const sessions = harness
    .output("activity-sessions", ActivitySession)
    .filter(({ participant, kind }) => participant === "p" && kind === "active");
  expect(sessions.map(({ startMs, endMs }) => (endMs - startMs) / 1000)).toEqual([590]);
});

test("a clock that is four minutes fast makes nobody late", () => {
  const { harness } = play((all) => {
    for (let minute = 0; minute < 10; minute++) {
      const nowMs = Date.parse("2026-10-11T12:00Z") + minutes(minute);
      measured(all, new Date(nowMs).toISOString(), 1);
      const ahead = nowMs + minutes(4);
      all.send("uploads", Upload, "fast", {
        participant: "fast",
        event: null,
        device: "fast",
        id: minute,
        sentMs: ahead,
        receivedMs: nowMs,
        readings: [{ ...NOTHING, tsMs: ahead }],
      });
      all.run();
    }
  });
  expect(harness.output("late-readings", LateReading)).toEqual([]);
});
