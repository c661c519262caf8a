import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

test("a long answer arrives whole at the other end of a pipe", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pacestream-long-"));
  try {
    for (let i = 0; i < 2_000; i++) writeFileSync(join(folder, `${"x".repeat(180)}${i}.gpx`), "");
    const pace = join(import.meta.dirname, "pace.ts");
    const args = [pace, "device", "inspect", folder, "--json"];
    const answer = await run(process.execPath, args, { maxBuffer: 64 << 20 }).catch(
      (error: { stdout: string }) => error, // empty files are no recordings
    );
    expect(answer.stdout.length).toBeGreaterThan(500_000);
    expect(JSON.parse(answer.stdout)).toHaveLength(2_000);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
