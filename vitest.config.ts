/**
 * Three kinds of tests, told apart by the file's name, in one run one after the other (`sequence.groupOrder`):
 *
 *   x.test.ts               unit: no service, no network; files in parallel
 *   x.integration.test.ts   real Kafka and ClickHouse, `inject("kafka")`, `inject("clickHouse")`; one file at a time
 *   x.browser.test.ts       the same services and a real browser, `inject("chromium")`; one file at a time
 *
 * Each file has its own process: the Kafka client loads on one thread of a process only.
 */
import { defineConfig } from "vitest/config";

const INTEGRATION = "**/*.integration.test.ts";
const BROWSER = "**/*.browser.test.ts";
/** No test is too slow before this: it only ends what hangs, also on a machine with much other work. */
const HANGS_MS = 300_000;
const ELSEWHERE = ["**/node_modules/**", ".pacestream/**"];

const withServices = {
  globalSetup: "infra/embedded/test-services.ts",
  fileParallelism: false,
  testTimeout: HANGS_MS,
  hookTimeout: HANGS_MS,
};

export default defineConfig({
  test: {
    pool: "forks",
    // What is waited for comes late where the machine is busy; only what never comes takes this long.
    expect: { poll: { timeout: 60_000 } },
    // Tests load the code as the program does: Node strips the types, nothing is bundled.
    experimental: { viteModuleRunner: false },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...ELSEWHERE, INTEGRATION, BROWSER],
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
          maxWorkers: "100%",
          // Not 0: on two cores vitest would run that group last.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...withServices,
          name: "integration",
          include: [INTEGRATION],
          exclude: ELSEWHERE,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          ...withServices,
          name: "browser",
          include: [BROWSER],
          exclude: ELSEWHERE,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
