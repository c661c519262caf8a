/**
 * The embedded ClickHouse: `clickhouse local` from libchdb, listening as a server does (HTTP with /play, native TCP).
 *
 * Owns: its command line, and how one sees that it is ready. The process itself is `clickhouse-process.ts`.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ClickHouseConnection } from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";
import type { ChildSpec } from "./child.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Ports } from "./ports.ts";

/** It ends at once on SIGTERM; what was acknowledged is in its files by then. */
const STOP_MAX_MS = 5_000;
const PING_MAX_MS = 1_000;

export function clickHouseConnection(ports: Ports): ClickHouseConnection {
  return {
    url: `http://127.0.0.1:${ports.clickHouseHttp}`,
    username: "default",
    password: "",
    database: "pacestream",
  };
}

/** Says how the server is started. */
export function clickHouseSpec(folder: DataFolder, ports: Ports, log: (line: string) => void): ChildSpec {
  mkdirSync(folder.clickHouse, { recursive: true });
  const connection = clickHouseConnection(ports);
  return {
    name: "ClickHouse",
    command: [
      process.execPath,
      join(import.meta.dirname, "clickhouse-process.ts"),
      folder.clickHouse,
      String(ports.clickHouseHttp),
      String(ports.clickHouseNative),
    ],
    cwd: folder.path,
    outputFile: join(folder.logs, "clickhouse.out"),
    pidFile: join(folder.run, "clickhouse.json"),
    stopMaxMs: STOP_MAX_MS,
    isReady: () => answers(connection),
    log,
  };
}

async function answers(connection: ClickHouseConnection): Promise<boolean> {
  try {
    const response = await fetch(`${connection.url}/ping`, { signal: AbortSignal.timeout(PING_MAX_MS) });
    return response.ok && (await response.text()).startsWith("Ok");
  } catch {
    return false;
  }
}

/** Creates the connection's database where missing. */
export async function createDatabase(connection: ClickHouseConnection): Promise<void> {
  const response = await fetch(connection.url, {
    method: "POST",
    body: `CREATE DATABASE IF NOT EXISTS \`${connection.database}\``,
  });
  if (!response.ok) {
    throw new PacestreamError("EMBEDDED_START", `ClickHouse: ${await response.text()}`, "retry");
  }
}
