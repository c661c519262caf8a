import { expect, test } from "vitest";
import { raceZeroMs } from "./race-time.ts";

const HOUR_MS = 3_600_000;
const at = (date: string, timezone: string, gunH: number, timeH = gunH) =>
  new Date(raceZeroMs({ date, timezone, gunMs: gunH * HOUR_MS }) + timeH * HOUR_MS).toISOString();

test("the gun is when the wall's clock shows it, also on days on which that is set", () => {
  expect(at("2023-11-05", "America/New_York", 9)).toBe("2023-11-05T14:00:00.000Z");
  expect(at("2020-03-08", "America/Los_Angeles", 7)).toBe("2020-03-08T14:00:00.000Z");
  expect(at("2023-10-29", "Europe/Berlin", 10)).toBe("2023-10-29T09:00:00.000Z");
  expect(at("2026-08-30", "Australia/Sydney", 6.5)).toBe("2026-08-29T20:30:00.000Z");
  expect(at("2024-05-05", "Asia/Kathmandu", 6)).toBe("2024-05-05T00:15:00.000Z");
});

test("times go on as they pass, through the night on which the clock is set back", () => {
  const gun = Date.parse("2023-11-05T00:00:00Z"); // 20:00 on the 4th
  expect(at("2023-11-04", "America/New_York", 20)).toBe(new Date(gun).toISOString());
  expect(at("2023-11-04", "America/New_York", 20, 28)).toBe(new Date(gun + 8 * HOUR_MS).toISOString());
});
