/**
 * Who the embedded services let in, and how each reaches them. The passwords are the data folder's (`secrets.ts`); what an
 * account may do in ClickHouse is `clickhouse-config.ts`'s.
 */
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { secret } from "./secrets.ts";

/** The program's own, in both. */
export const ACCOUNT = "pacestream";
/** People's, in ClickHouse: it reads. */
export const READER = "reader";
/** In ClickHouse. */
export const DATABASE = "pacestream";

export function kafkaAccount(brokers: readonly string[], password: string): KafkaConnection {
  return { brokers, sasl: { mechanism: "PLAIN", username: ACCOUNT, password } };
}

export function kafkaOf(dataDir: string, brokers: readonly string[]): KafkaConnection {
  return kafkaAccount(brokers, secret(dataDir, "kafka"));
}

export function clickHouseOf(dataDir: string, url: string): ClickHouseConnection {
  return { url, username: ACCOUNT, password: secret(dataDir, "clickhouse"), database: DATABASE };
}

export function clickHouseReaderOf(dataDir: string, url: string): ClickHouseConnection {
  return { url, username: READER, password: secret(dataDir, "clickhouse-reader"), database: DATABASE };
}
