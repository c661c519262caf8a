import { describe, expect, it } from "vitest";
import {
  type CalendarUnit,
  calendarOf,
  checkZone,
  dayOf,
  localDateOf,
  localMidnightMs,
  localToUtcMs,
} from "./zoned-time.ts";

const hours = (count: number, minutes = 0) => (count * 60 + minutes) * 60_000;
const utc = (text: string) => Date.parse(text);
const iso = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

/** A day a zone: its date, start, length in hours. */
const DAYS: readonly [zone: string, date: string, start: string, hours: number][] = [
  ["America/New_York", "2023-11-05", "2023-11-05T04:00:00Z", 25],
  ["America/New_York", "2024-03-10", "2024-03-10T05:00:00Z", 23],
  ["Europe/Berlin", "2024-03-31", "2024-03-30T23:00:00Z", 23],
  ["Europe/Berlin", "2024-10-27", "2024-10-26T22:00:00Z", 25],
  // Its summer time is half an hour, in the other half of the year.
  ["Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00:00Z", 24.5],
  ["Australia/Lord_Howe", "2024-10-06", "2024-10-05T13:30:00Z", 23.5],
  // At 45 minutes, with summer time.
  ["Pacific/Chatham", "2024-04-07", "2024-04-06T10:15:00Z", 25],
  ["Asia/Kathmandu", "2024-07-01", "2024-06-30T18:15:00Z", 24],
  ["Asia/Kolkata", "2024-07-01", "2024-06-30T18:30:00Z", 24],
  // Midnight does not exist.
  ["America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23],
  ["Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z", 23],
  // Midnight comes twice.
  ["America/Havana", "2023-11-05", "2023-11-05T04:00:00Z", 25],
  // A day that was left out: Samoa changed sides.
  ["Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", 24],
  ["Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", 24],
  ["Europe/London", "1970-01-01", "1969-12-31T23:00:00Z", 24],
  ["America/New_York", "2999-07-01", "2999-07-01T04:00:00Z", 24],
  ["+05:45", "2999-12-31", "2999-12-30T18:15:00Z", 24],
];

describe("days of a zone", () => {
  it.each(DAYS)("%s %s begins at %s and has %d hours", (zone, date, start, length) => {
    const startMs = localMidnightMs(date, zone);
    expect(iso(startMs)).toBe(start);
    expect(dayOf(startMs, zone)).toEqual({ startMs, endMs: startMs + hours(length) });
    expect(dayOf(startMs + hours(length) - 1, zone).startMs).toBe(startMs);
    expect(dayOf(startMs - 1, zone).endMs).toBe(startMs);
    expect(localDateOf(startMs, zone)).toBe(date);
    expect(localDateOf(startMs + hours(length) - 1, zone)).toBe(date);
  });

  it("follow each other without gap or overlap, also where the clock is set back over midnight", () => {
    // Newfoundland's clock went back at 00:01: the date shown was the new one, the old one, and the new one again.
    for (const zone of ["America/St_Johns", ...DAYS.map(([name]) => name)]) {
      let atMs = utc("2010-03-01T00:00:00Z");
      let day = dayOf(atMs, zone);
      for (let count = 0; count < 366; count += 1) {
        for (atMs = day.startMs; atMs < day.endMs; atMs += hours(0, 179))
          expect(dayOf(atMs, zone)).toEqual(day);
        const next = dayOf(day.endMs, zone);
        expect(next.startMs).toBe(day.endMs);
        day = next;
      }
    }
  });
});

describe("weeks and months of a zone", () => {
  it.each([
    ["week", "America/New_York", "2023-11-05T12:00:00Z", "2023-10-30T04:00:00Z", 7 * 24 + 1],
    ["week", "Europe/Berlin", "2024-03-31T21:59:00Z", "2024-03-24T23:00:00Z", 7 * 24 - 1],
    ["week", "UTC", "1970-01-01T00:00:00Z", "1969-12-29T00:00:00Z", 7 * 24],
    ["month", "America/Sao_Paulo", "2018-11-15T00:00:00Z", "2018-11-01T03:00:00Z", 30 * 24 - 1],
    ["month", "Australia/Lord_Howe", "2024-04-30T00:00:00Z", "2024-03-31T13:00:00Z", 30 * 24 + 0.5],
    ["month", "Asia/Kathmandu", "2024-02-29T18:14:00Z", "2024-01-31T18:15:00Z", 29 * 24],
    ["month", "UTC", "2999-12-31T23:59:59Z", "2999-12-01T00:00:00Z", 31 * 24],
  ] as [CalendarUnit, string, string, string, number][])(
    "the %s in %s with %s in it begins at %s and has %d hours",
    (unit, zone, within, start, length) => {
      const { startMs, endMs } = calendarOf(unit, utc(within), zone);
      expect(iso(startMs)).toBe(start);
      expect(endMs).toBe(startMs + hours(length));
      expect(calendarOf(unit, endMs, zone).startMs).toBe(endMs);
      expect(calendarOf(unit, startMs - 1, zone).endMs).toBe(startMs);
    },
  );
});

describe("a time on the wall", () => {
  it.each([
    ["2023-11-05", "America/New_York", hours(9, 40), "2023-11-05T14:40:00Z"],
    ["2020-03-08", "America/Los_Angeles", hours(6, 55), "2020-03-08T13:55:00Z"],
    ["2023-10-29", "Europe/Berlin", hours(10), "2023-10-29T09:00:00Z"],
    ["2024-03-31", "Europe/Paris", hours(8, 15), "2024-03-31T06:15:00Z"],
    ["2023-10-08", "America/Chicago", hours(7, 30), "2023-10-08T12:30:00Z"],
    ["2024-07-01", "Asia/Kathmandu", hours(6), "2024-07-01T00:15:00Z"],
    // Past midnight, into a night when the clock changes.
    ["2023-11-04", "America/New_York", hours(24 + 9, 40), "2023-11-05T14:40:00Z"],
    ["2023-11-05", "America/New_York", hours(-1), "2023-11-05T03:00:00Z"],
    // Twice: the first; skipped: as long after.
    ["2023-11-05", "America/New_York", hours(1, 30), "2023-11-05T05:30:00Z"],
    ["2024-10-27", "Europe/Berlin", hours(2, 30), "2024-10-27T00:30:00Z"],
    ["2024-03-10", "America/New_York", hours(2, 30), "2024-03-10T07:30:00Z"],
    ["2018-11-04", "America/Sao_Paulo", 0, "2018-11-04T03:00:00Z"],
    ["2018-11-04", "America/Sao_Paulo", hours(0, 30), "2018-11-04T03:30:00Z"],
    ["2024-10-06", "Australia/Lord_Howe", hours(2, 15), "2024-10-05T15:45:00Z"],
    ["1970-01-01", "UTC", 0, "1970-01-01T00:00:00Z"],
    ["2999-12-31", "UTC", hours(12), "2999-12-31T12:00:00Z"],
  ])("%s in %s", (date, zone, timeOfDayMs, expected) => {
    expect(iso(localToUtcMs(date, timeOfDayMs, zone))).toBe(expected);
  });
});

it("says which zone or date it does not know", () => {
  expect(() => localToUtcMs("2023-11-05", 0, "Mars")).toThrow(
    'time zone: "Mars" is not known; give an IANA name such as America/Chicago',
  );
  expect(() => localMidnightMs("2023-02-30", "UTC")).toThrow('date: "2023-02-30" is no date');
  expect(() => localToUtcMs("2023-11-05", Number.NaN, "UTC")).toThrow("timeOfDayMs: NaN is no time of day");
  expect(() => checkZone("")).toThrow('time zone: "" is not known');
});
