import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

/** A set-up that is done costs this little, start of Node included. */
const CHECK_MAX_MS = 500;

const setup = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "setup.mjs"), ...args], { encoding: "utf8" });

test("a set-up that is done says nothing and takes less than half a second", () => {
  let fastestMs = Number.POSITIVE_INFINITY;
  // The best of several: the machine of the tests has other work too.
  for (let i = 0; i < 5; i++) {
    const startedMs = performance.now();
    const { status, stdout, stderr } = setup("--for=test");
    fastestMs = Math.min(fastestMs, performance.now() - startedMs);
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  }
  expect(fastestMs).toBeLessThan(CHECK_MAX_MS);
});

test("an option it does not know is refused, naming those it does", () => {
  const { status, stderr } = setup("--fro=test");
  expect(status).toBe(1);
  expect(stderr).toContain("does not know --fro=test; it takes --for=start, --for=test, --check");
});
