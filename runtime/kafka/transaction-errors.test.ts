import { expect, test } from "vitest";
import { type TransactionVerdict, verdictOf } from "./transaction-errors.ts";

test.each<[string, number, TransactionVerdict]>([
  ["the last transaction is being ended", 51, "retry"],
  ["the coordinator moved", 16, "retry"],
  ["the leader moved", 6, "retry"],
  ["too few replicas", 19, "retry"],
  ["an old epoch, as a leader says it", 47, "fenced"],
  ["an old epoch, as the coordinator says it", 90, "fenced"],
  ["a record is too large", 10, "refused"],
  ["a gap in the sequence numbers", 45, "refused"],
  ["no transaction is open", 48, "refused"],
  ["not allowed", 53, "refused"],
  ["a topic that was just created", 3, "retry"],
  ["a code that nobody knows", 9_999, "refused"],
])("%s", (_what, errorCode, verdict) => {
  expect(verdictOf(errorCode, 0)).toBe(verdict);
});

test("a topic that stays unknown", () => {
  expect(verdictOf(3, 5_000)).toBe("refused");
});
