import { expect, test } from "vitest";
import { type TransactionVerdict, verdictOf } from "./transaction-errors.ts";

test.each<
  [
    string,
    number,
    { isFatal?: boolean; isRetriable?: boolean; isTxnRequiresAbort?: boolean },
    TransactionVerdict,
  ]
>([
  ["timed out, may be called again", -185, { isRetriable: true }, "retry"],
  ["a record was refused", 10, { isTxnRequiresAbort: true }, "abort"],
  ["an old epoch seen by a produce", 47, { isTxnRequiresAbort: true }, "abort"],
  ["fenced, as librdkafka says it", -144, { isFatal: true }, "fenced"],
  ["fenced, as the broker says it", 90, { isFatal: true }, "fenced"],
  ["an old epoch", 47, { isFatal: true }, "fenced"],
  ["fatal for another reason", -150, { isFatal: true }, "lost"],
  ["nothing said", -172, {}, "lost"],
])("%s", (_what, code, flags, verdict) => {
  expect(verdictOf({ message: "m", code, errno: code, origin: "local", ...flags })).toBe(verdict);
});
