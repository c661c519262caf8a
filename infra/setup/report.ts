/**
 * Counts the cases in what vitest's JSON reporter wrote.
 */
import { readFileSync } from "node:fs";

export interface Count {
  readonly passed: number;
  readonly failed: number;
}

/** The report, as far as it is read here. */
interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * What a run of vitest counts as. A file that failed without a failed test in it (it did not load, its hooks
 * threw) is one failed case; so is a run that failed (`exitCode`) for a reason no test shows, or left no report.
 */
export function countCases(reportFile: string, exitCode: number): Count {
  let [passed, failed] = [0, 0];
  for (const { status, assertionResults } of read(reportFile).testResults) {
    const failures = assertionResults.filter((test) => test.status === "failed").length;
    passed += assertionResults.filter((test) => test.status === "passed").length;
    failed += status === "failed" && failures === 0 ? 1 : failures;
  }
  return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed };
}

function read(file: string): Report {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch {
    return { testResults: [{ status: "failed", assertionResults: [] }] };
  }
}
