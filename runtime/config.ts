/**
 * How the program reaches Kafka and ClickHouse.
 *
 * Owns the connection types handed to every part, and how the environment says them: this is the only file that reads it for
 * connections; whoever needs one takes it as an argument. What a command's flags say is infra/cli's.
 *
 * C1  A connection is resolved once, at the edge; nothing below looks at the environment again.
 * C2  Secrets come from the environment or a file, never from a flag (flags show in `ps`).
 */
import { readFileSync } from "node:fs";
import { ConfigError } from "./errors.ts";

export type SaslMechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";

export interface KafkaConnection {
  /** `host:port` of one or more brokers. */
  readonly brokers: readonly string[];
  /** Present: TLS. PEM texts; `ca` absent means the system's authorities. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl?: { readonly mechanism: SaslMechanism; readonly username: string; readonly password: string };
}

export interface ClickHouseConnection {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly database: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The Kafka cluster named by `KAFKA_BROKERS` (and `KAFKA_TLS`, `KAFKA_SASL_*`), or `undefined`: start an embedded one. */
export function kafkaFromEnvironment(env: Environment = process.env): KafkaConnection | undefined {
  const list = env.KAFKA_BROKERS?.trim();
  if (!list) return undefined;
  const brokers = list.split(",").map((broker) => broker.trim());
  for (const broker of brokers) {
    if (!/^[^\s:]+:\d+$|^\[[^\]]+\]:\d+$/.test(broker)) {
      throw new ConfigError(
        `KAFKA_BROKERS: "${broker}" is not host:port; give a list such as broker-1:9092,broker-2:9092`,
      );
    }
  }
  const tls = tlsFromEnvironment(env);
  const sasl = saslFromEnvironment(env);
  return { brokers, ...(tls && { tls }), ...(sasl && { sasl }) };
}

/** The variables by which another program reaches the same cluster. Not of a cluster with TLS, whose files are its own. */
export function kafkaVariables({ brokers, sasl }: KafkaConnection): Record<string, string> {
  return {
    KAFKA_BROKERS: brokers.join(","),
    ...(sasl && {
      KAFKA_SASL_MECHANISM: sasl.mechanism,
      KAFKA_SASL_USERNAME: sasl.username,
      KAFKA_SASL_PASSWORD: sasl.password,
    }),
  };
}

/** As `kafkaVariables`, of a ClickHouse. */
export function clickHouseVariables(clickHouse: ClickHouseConnection): Record<string, string> {
  const { url, username, password, database } = clickHouse;
  return {
    CLICKHOUSE_URL: url,
    CLICKHOUSE_USER: username,
    CLICKHOUSE_PASSWORD: password,
    CLICKHOUSE_DATABASE: database,
  };
}

function tlsFromEnvironment(env: Environment): KafkaConnection["tls"] | undefined {
  if (!env.KAFKA_TLS || env.KAFKA_TLS === "0" || env.KAFKA_TLS === "false") return undefined;
  const pem = (variable: string) => {
    const path = env[variable];
    if (!path) return undefined;
    try {
      return readFileSync(path, "utf8");
    } catch (cause) {
      throw new ConfigError(`${variable}: cannot read ${path}: ${(cause as Error).message}`);
    }
  };
  const ca = pem("KAFKA_TLS_CA_FILE");
  const cert = pem("KAFKA_TLS_CERT_FILE");
  const key = pem("KAFKA_TLS_KEY_FILE");
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function saslFromEnvironment(env: Environment): KafkaConnection["sasl"] | undefined {
  const username = env.KAFKA_SASL_USERNAME;
  if (!username) return undefined;
  const mechanism = (env.KAFKA_SASL_MECHANISM ?? "PLAIN").toUpperCase();
  if (mechanism !== "PLAIN" && mechanism !== "SCRAM-SHA-256" && mechanism !== "SCRAM-SHA-512") {
    throw new ConfigError(
      `KAFKA_SASL_MECHANISM: "${mechanism}" is not one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512`,
    );
  }
  const password = env.KAFKA_SASL_PASSWORD;
  if (password === undefined)
    throw new ConfigError("KAFKA_SASL_USERNAME is set, KAFKA_SASL_PASSWORD is not: set both");
  return { mechanism, username, password };
}

/** The ClickHouse named by `CLICKHOUSE_URL` (and `CLICKHOUSE_USER`, `_PASSWORD`, `_DATABASE`), or `undefined`: embedded. */
export function clickHouseFromEnvironment(env: Environment = process.env): ClickHouseConnection | undefined {
  const url = env.CLICKHOUSE_URL?.trim();
  if (!url) return undefined;
  if (!/^https?:\/\//.test(url)) {
    throw new ConfigError(
      `CLICKHOUSE_URL: "${url}" is not an http:// or https:// address, such as https://clickhouse:8443`,
    );
  }
  return {
    url,
    username: env.CLICKHOUSE_USER ?? "default",
    password: env.CLICKHOUSE_PASSWORD ?? "",
    database: env.CLICKHOUSE_DATABASE ?? "pacestream",
  };
}

/**
 * Bounds of a task's thread, from `PACE_TASK_HEAP_MB` (for its long-lived objects) and `PACE_TASK_HANG_S` (how long it may be at
 * one record). Without them: worker/pool.ts.
 */
export function threadsFromEnvironment(env: Environment = process.env): {
  readonly heapMaxMb: number | undefined;
  readonly hangAfterMs: number | undefined;
} {
  const hangS = wholeNumber(env, "PACE_TASK_HANG_S", 1, 3_600);
  return {
    heapMaxMb: wholeNumber(env, "PACE_TASK_HEAP_MB", 64, 1 << 20),
    hangAfterMs: hangS === undefined ? undefined : hangS * 1_000,
  };
}

function wholeNumber(env: Environment, variable: string, least: number, most: number): number | undefined {
  const text = env[variable]?.trim();
  if (!text) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new ConfigError(`${variable}: "${text}" is not a whole number from ${least} to ${most}`);
  return value;
}
