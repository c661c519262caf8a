/**
 * Where set-up (`infra/setup/setup.mjs`) put what does not come as an npm package.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../runtime/errors.ts";

/** The one folder of the checkout that holds what set-up made, next to `node_modules`. */
const CACHE = join(import.meta.dirname, "../../.pacestream/cache");

export interface Toolchain {
  /** Absolute path of a Java of version 17 or newer. */
  readonly java: string;
  /** The folder of the broker's jars. */
  readonly kafkaJars: string;
  /** The browser of the tests; present after set-up for the tests. */
  readonly chromium?: string;
}

/** Throws `ConfigError` where set-up has not run. */
export function readToolchain(): Toolchain {
  try {
    return JSON.parse(readFileSync(join(CACHE, "toolchain.json"), "utf8")) as Toolchain;
  } catch {
    throw new ConfigError(
      "set-up has not run: node infra/setup/setup.mjs (npm start and npm test do it first)",
    );
  }
}

/** The Java class archive that shortens the broker's start; absent where the Java at hand cannot make one. */
export function kafkaArchive(): string {
  return join(readToolchain().kafkaJars, "classes.jsa");
}
