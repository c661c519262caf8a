import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDataFolder } from "./data-folder.ts";
import { secret, secretPath } from "./secrets.ts";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "pacestream-folder-"));
});
afterEach(() => rmSync(place, { recursive: true }));

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("a data folder is closed to others, one that was open, too", () => {
  expect(modeOf(makeDataFolder(join(place, "new", "deep")))).toBe("700");
  const old = join(place, "old");
  mkdirSync(join(old, "secrets"), { recursive: true });
  chmodSync(old, 0o755);
  makeDataFolder(old);
  const kafka = secret(old, "kafka");
  for (const path of [join(old, "secrets"), secretPath(old, "kafka")]) chmodSync(path, 0o755);
  expect(secret(old, "kafka")).toBe(kafka);
  expect([old, join(old, "secrets"), secretPath(old, "kafka")].map(modeOf)).toEqual(["700", "700", "600"]);
});

test.each(["a file", "below a file"])("where there is %s, the error says where and what to do", (what) => {
  writeFileSync(join(place, "taken"), "");
  const path = what === "a file" ? join(place, "taken") : join(place, "taken", "data");
  expect(() => makeDataFolder(path)).toThrow(
    /^the data folder .*taken.* cannot be used: E.*Give another with --data/,
  );
});
