import { expect, it } from "vitest";
import { correction, entrant } from "./example-race.ts";
import { checkCorrection, checkEntrant, checkMessage } from "./input-checks.ts";

const read = { id: "1", bib: "7", mat: "start", timeMs: 36_000_000 };
const message = { race: "example", receivedMs: 36_000_000, read };

it("what timing systems, start lists and officials send passes", () => {
  checkMessage(message);
  checkMessage({ ...message, read: null });
  checkMessage({ ...message, receivedMs: 0, read: { ...read, timeMs: -1 } });
  checkEntrant(entrant("7"));
  checkCorrection(correction("7", "disqualify"));
});

it("times of another clock, empty names and texts without end are refused with the reason", () => {
  const year2999 = Date.UTC(2999, 0, 1);
  expect(() => checkMessage({ ...message, receivedMs: year2999 })).toThrow(/receivedMs is \d+: milliseconds/);
  expect(() => checkMessage({ ...message, read: { ...read, timeMs: -year2999 } })).toThrow(/timeMs/);
  expect(() => checkMessage({ ...message, read: { ...read, bib: "" } })).toThrow("bib is empty");
  expect(() => checkMessage({ ...message, race: "" })).toThrow("race is empty");
  expect(() => checkMessage({ ...message, read: { ...read, id: "x".repeat(201) } })).toThrow("more than 200");
  expect(() => checkEntrant({ ...entrant("7"), division: "x".repeat(1_000) })).toThrow(/division has 1000/);
  expect(() => checkCorrection(correction("7", "void", { reason: "x".repeat(2_001) }))).toThrow(/reason/);
  expect(() => checkCorrection(correction("7", "add", { timeMs: year2999 }))).toThrow(/timeMs/);
});
