/**
 * What a run with `--once` found, kept in the data folder: the same command on a race that is complete says it again.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Measured {
  /** Of the recording that was replayed. */
  readonly fingerprint: string;
  /** From the first read sent (or the resumption) to the last row in ClickHouse. */
  readonly seconds: number;
  readonly passingsPerSecond: number;
  /** "since resume": an earlier run had sent a part, and its time and reads are not counted. */
  readonly measured: "whole run" | "since resume";
}

export function readMeasured(dataDir: string, race: string, fingerprint: string): Measured | undefined {
  try {
    const found = JSON.parse(readFileSync(fileOf(dataDir, race), "utf8")) as Measured;
    return found.fingerprint === fingerprint ? found : undefined;
  } catch {
    return undefined;
  }
}

export function writeMeasured(dataDir: string, race: string, measured: Measured): void {
  mkdirSync(join(dataDir, "measured"), { recursive: true });
  writeFileSync(fileOf(dataDir, race), JSON.stringify(measured));
}

function fileOf(dataDir: string, race: string): string {
  return join(dataDir, "measured", `${race}.json`);
}
