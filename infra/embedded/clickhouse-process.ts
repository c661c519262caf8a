/**
 * The process of the embedded ClickHouse: node clickhouse-process.ts DATA-FOLDER CONFIG-FOLDER HTTP-PORT
 *
 * libchdb holds all of ClickHouse, but its API runs queries in the calling program. Its entry for the
 * command line runs `clickhouse local`, which can be told to listen; a query that never ends keeps it
 * serving. The call blocks the thread for good, hence a process of its own.
 *
 * CP1  Whatever a query says, the process opens no file but its own, and connects to nothing (`confine.ts`).
 * CP2  What a client does wrong ends its connection, not the server. Without a terminal `clickhouse local` takes each error of
 *      each thread for its own end: a page left in the middle of an answer, or bytes that are not HTTP.
 */
import { closeSync, constants, openSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { DataType, load, open } from "ffi-rs";
import { confine } from "./confine.ts";

const [folder, configFolder, port] = process.argv.slice(2) as [string, string, string];
const library = createRequire(import.meta.url).resolve("@chdb/lib-linux-x64-gnu/libchdb.so");
const SERVE_FOREVER = [
  "SYSTEM START LISTEN HTTP",
  "SELECT sleepEachRow(3) FROM system.numbers " +
    "SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null",
];
const args = [
  "clickhouse",
  `--config-file=${join(configFolder, "config.xml")}`,
  `--path=${folder}`,
  "--listen_host=127.0.0.1",
  `--http_port=${port}`,
  "--interactive", // CP2: after the queries, which never end
  "--disable_suggestion",
  "--query",
  SERVE_FOREVER.join("; "),
];
open({ library: "chdb", path: library });
takeTerminal();
// Of other processes it sees nothing: their environments hold secrets.
const PROC = [
  "self",
  "meminfo",
  "cpuinfo",
  "stat",
  "vmstat",
  "loadavg",
  "uptime",
  "sys",
  "filesystems",
  "cgroups",
];
const SYSTEM = [
  ...PROC.map((name) => `/proc/${name}`),
  ...["/sys", "/usr/share/zoneinfo", "/etc/localtime", "/etc/timezone", "/dev/urandom"],
];
const confined = confine({ write: [folder], read: [configFolder, ...SYSTEM], port: Number(port) }); // CP1
console.log(`confined: ${confined}`);
process.exitCode = load({
  library: "chdb",
  funcName: "chdb_query_cmdline",
  retType: DataType.I32,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [args.length, args],
});

/** CP2: makes standard input a terminal that nobody types at; without one it stays as it is. */
function takeTerminal(): void {
  open({ library: "libc", path: "" });
  const call = (funcName: string, ...values: number[]): number =>
    load({
      library: "libc",
      funcName,
      retType: DataType.I32,
      paramsType: values.map(() => DataType.I32),
      paramsValue: values,
    });
  const keyboard = call("posix_openpt", constants.O_RDWR | constants.O_NOCTTY);
  if (keyboard < 0 || call("grantpt", keyboard) < 0 || call("unlockpt", keyboard) < 0) return;
  const name: string = load({
    library: "libc",
    funcName: "ptsname",
    retType: DataType.String,
    paramsType: [DataType.I32],
    paramsValue: [keyboard],
  });
  const terminal = openSync(name, constants.O_RDWR | constants.O_NOCTTY);
  call("dup2", terminal, 0);
  closeSync(terminal);
}
