/**
 * The process of the embedded ClickHouse: node clickhouse-process.ts DATA-FOLDER HTTP-PORT NATIVE-PORT
 *
 * libchdb holds all of ClickHouse, but its API runs queries in the calling program. Its entry for the
 * command line runs `clickhouse local`, which can be told to listen; a query that never ends keeps it
 * serving. The call blocks the thread for good, hence a process of its own.
 */
import { createRequire } from "node:module";
import { DataType, load, open } from "ffi-rs";

const [folder, httpPort, nativePort] = process.argv.slice(2);
const library = createRequire(import.meta.url).resolve("@chdb/lib-linux-x64-gnu/libchdb.so");
const SERVE_FOREVER = [
  "SYSTEM START LISTEN HTTP",
  "SYSTEM START LISTEN TCP",
  "SELECT sleepEachRow(3) FROM numbers(1000000000) " +
    "SETTINGS max_block_size=1, function_sleep_max_microseconds_per_block=0 FORMAT Null",
];
const args = [
  "clickhouse",
  `--path=${folder}`,
  "--listen_host=127.0.0.1",
  `--http_port=${httpPort}`,
  `--tcp_port=${nativePort}`,
  "--query",
  SERVE_FOREVER.join("; "),
];
open({ library: "chdb", path: library });
process.exitCode = load({
  library: "chdb",
  funcName: "chdb_query_cmdline",
  retType: DataType.I32,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [args.length, args],
});
