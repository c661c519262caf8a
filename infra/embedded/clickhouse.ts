/**
 * The embedded ClickHouse: `clickhouse local` from libchdb, listening as a server does (HTTP, with /play).
 *
 * Owns: its accounts, its command line, and how one sees that it is ready. What may be asked of it is `clickhouse-config.ts`; the
 * process itself is `clickhouse-process.ts`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClickHouseConnection } from "../../runtime/config.ts";
import { PacestreamError } from "../../runtime/errors.ts";
import type { ChildSpec } from "./child.ts";
import { serverConfig, usersConfig } from "./clickhouse-config.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Ports } from "./ports.ts";
import { secret } from "./secrets.ts";

/** It ends at once on SIGTERM; what was acknowledged is in its files by then. */
const STOP_MAX_MS = 5_000;
const PING_MAX_MS = 1_000;

export const clickHouseUrl = (ports: Ports) => `http://127.0.0.1:${ports.clickHouseHttp}`;

/** Says how the server is started. */
export function clickHouseSpec(folder: DataFolder, ports: Ports, log: (line: string) => void): ChildSpec {
  mkdirSync(folder.clickHouse, { recursive: true });
  const config = join(folder.run, "clickhouse");
  mkdirSync(config, { recursive: true });
  const passwords = {
    own: secret(folder.path, "clickhouse"),
    reader: secret(folder.path, "clickhouse-reader"),
  };
  const put = (file: string, text: string) => writeFileSync(join(config, file), text, { mode: 0o600 });
  put("config.xml", serverConfig(config, ports.clickHouseHttp));
  put("users.xml", usersConfig(passwords));
  return {
    name: "ClickHouse",
    command: [
      process.execPath,
      join(import.meta.dirname, "clickhouse-process.ts"),
      folder.clickHouse,
      config,
      String(ports.clickHouseHttp),
    ],
    cwd: folder.path,
    outputFile: join(folder.logs, "clickhouse.out"),
    pidFile: join(folder.run, "clickhouse.json"),
    stopMaxMs: STOP_MAX_MS,
    isReady: () => answers(clickHouseUrl(ports)),
    log,
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/ping`, { signal: AbortSignal.timeout(PING_MAX_MS) });
    return response.ok && (await response.text()).startsWith("Ok");
  } catch {
    return false;
  }
}

/** Creates the connection's database where missing. */
export async function createDatabase(connection: ClickHouseConnection): Promise<void> {
  const response = await fetch(connection.url, {
    method: "POST",
    headers: { "X-ClickHouse-User": connection.username, "X-ClickHouse-Key": connection.password },
    body: `CREATE DATABASE IF NOT EXISTS \`${connection.database}\``,
  });
  if (!response.ok) {
    throw new PacestreamError("EMBEDDED_START", `ClickHouse: ${await response.text()}`, "retry");
  }
}
