/**
 * The passwords of a data folder: made when they are first asked for, one file each in `secrets/`.
 *
 * Owns: where they lie and who may read them. What each opens is said where it is asked for.
 *
 * P1  Only the owner reads them: the folder is 0700 and each file 0600, also where somebody made them otherwise.
 * P2  A file is whole or not there; of two programs that start at once both get the same password.
 * P3  They stand nowhere else: not in run.json, not in a log, not on a command line, not in a child's environment.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../runtime/errors.ts";

/**
 * `clickhouse`: the program's own account; `clickhouse-reader`: people's, which reads; `kafka`: all clients of the broker;
 * `control-token`: what the API asks for before it runs a job or takes a correction.
 */
export type SecretName = "clickhouse" | "clickhouse-reader" | "kafka" | "control-token";

const BYTES = 32;
/** Of these, none means anything to XML, to JAAS, to a URL or to a shell. */
const FORM = /^[A-Za-z0-9_-]{32,}$/;

export function secretPath(dataDir: string, name: SecretName): string {
  return join(dataDir, "secrets", name);
}

/** @throws ConfigError where the file holds something else than a password of this form. */
export function readSecret(dataDir: string, name: SecretName): string | undefined {
  const path = secretPath(dataDir, name);
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ConfigError(`${path} cannot be read: ${message}`);
  }
  if (FORM.test(text)) return text;
  throw new ConfigError(
    `${path} holds no password of at least 32 letters, digits, - or _: delete it, and the next start makes one`,
  );
}

/** Makes the password where there is none. @throws ConfigError */
export function secret(dataDir: string, name: SecretName): string {
  const path = secretPath(dataDir, name);
  const folder = join(dataDir, "secrets");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  if (readSecret(dataDir, name) === undefined) {
    const whole = `${path}.${process.pid}`;
    writeFileSync(whole, `${randomBytes(BYTES).toString("base64url")}\n`, { mode: 0o600 });
    try {
      linkSync(whole, path); // P2: fails where another was first
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(whole);
    }
  }
  chmodSync(path, 0o600); // P1
  return readSecret(dataDir, name)!;
}
