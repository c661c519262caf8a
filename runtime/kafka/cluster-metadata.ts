/**
 * Which broker leads which partition, and a connection to it. For a reader in a worker thread, or a transactional writer.
 *
 * Owns the pool of connections and what is known of the cluster. Retrying is its callers' concern: a call here either
 * answers or throws.
 *
 * M1  Brokers are asked one after the other, known ones first, then those of the configuration: any that is up will do.
 * M2  One refresh at a time; whoever asks meanwhile waits for the next one, which covers its topics.
 */
import type { KafkaConnection } from "../config.ts";
import { KafkaRefusedError, KafkaUnavailableError } from "./errors.ts";
import {
  apiVersionsV3,
  type Broker,
  type Connection,
  type ConnectionOptions,
  ConnectionPool,
  metadataV12,
  protocolErrors,
  protocolErrorsCodesById,
  ResponseError,
} from "./library.ts";

/** As brokers count their clients' software. They take letters, digits, dots and dashes only, which a client's id need not be of. */
const SOFTWARE = "pacestream";
const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** What readers and writers speak: API key → name and version. */
const SPOKEN = [
  { key: 0, name: "Produce", version: 11 },
  { key: 1, name: "Fetch", version: 17 },
  { key: 2, name: "ListOffsets", version: 8 },
  { key: 3, name: "Metadata", version: 12 },
  { key: 10, name: "FindCoordinator", version: 4 },
  { key: 22, name: "InitProducerId", version: 4 },
  { key: 24, name: "AddPartitionsToTxn", version: 3 },
  { key: 26, name: "EndTxn", version: 4 },
] as const;

export interface TopicMetadata {
  readonly name: string;
  readonly id: string;
  /** 0, or why the cluster says nothing of the topic. */
  readonly errorCode: number;
  /** Node id of the leader by partition; -1 while there is none. */
  readonly leaders: readonly number[];
}

export class ClusterMetadata {
  readonly #pool: ConnectionPool;
  readonly #bootstrap: readonly Broker[];
  #brokers = new Map<number, Broker>();
  readonly #topics = new Map<string, TopicMetadata>();
  #refreshing: Promise<void> | undefined;
  #versionsChecked = false;

  /** @param requestTimeoutMs after which a connection counts as broken */
  constructor(connection: KafkaConnection, clientId: string, requestTimeoutMs = REQUEST_TIMEOUT_MS) {
    this.#bootstrap = connection.brokers.map(parseBroker);
    this.#pool = new ConnectionPool(clientId, {
      ...clientOptions(connection),
      requestTimeout: requestTimeoutMs,
    });
  }

  /** What is known of the topic; `undefined` before a refresh that covered it. */
  topic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name);
  }

  /** As of the last refresh. */
  get brokerIds(): readonly number[] {
    return [...this.#brokers.keys()];
  }

  /** Asks the cluster about these topics. Throws when no broker answers. */
  async refresh(topics: readonly string[]): Promise<void> {
    while (this.#refreshing) await this.#refreshing.catch(() => {}); // M2
    this.#refreshing = this.#refresh(topics).finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** A connection to the broker with this id. Throws when it is not known or not there. */
  async connectionTo(nodeId: number): Promise<Connection> {
    const broker = this.#brokers.get(nodeId);
    if (!broker) throw new KafkaUnavailableError(`broker ${nodeId} is not in the cluster's metadata`);
    return this.#pool.get(broker);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** Asks the first broker that answers (M1). Throws when none does. */
  async askAny<T>(ask: (connection: Connection) => Promise<T>): Promise<T> {
    const failures: Error[] = [];
    for (const broker of this.#candidates()) {
      try {
        const connection = await this.#pool.get(broker);
        await this.#checkVersions(connection);
        return await ask(connection);
      } catch (error) {
        throwIfFinal(error);
        failures.push(error as Error);
      }
    }
    const where = this.#bootstrap.map(({ host, port }) => `${host}:${port}`).join(", ");
    throw new KafkaUnavailableError(`no Kafka broker answers (asked ${where}): ${failures.at(-1)?.message}`, {
      cause: failures.at(-1),
    });
  }

  async #refresh(topics: readonly string[]): Promise<void> {
    // A topic without a leader is an error code, and the rest of the answer counts.
    const answer = await this.askAny((connection) =>
      answerOf<metadataV12.MetadataResponse>(metadataV12.api.async(connection, [...topics], false, false)),
    );
    this.#brokers = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    for (const topic of answer.topics) {
      if (!topic.name) continue;
      const leaders: number[] = new Array(topic.partitions.length).fill(-1);
      for (const partition of topic.partitions) leaders[partition.partitionIndex] = partition.leaderId;
      this.#topics.set(topic.name, {
        name: topic.name,
        id: topic.topicId,
        errorCode: topic.errorCode,
        leaders,
      });
    }
  }

  #candidates(): Iterable<Broker> {
    const byAddress = new Map<string, Broker>();
    for (const broker of [...this.#brokers.values(), ...this.#bootstrap]) {
      byAddress.set(`${broker.host}:${broker.port}`, broker);
    }
    return byAddress.values();
  }

  async #checkVersions(connection: Connection): Promise<void> {
    if (this.#versionsChecked) return;
    const { apiKeys } = await apiVersionsV3.api.async(connection, SOFTWARE, "1");
    for (const { key, name, version } of SPOKEN) {
      const spoken = apiKeys.find((api) => api.apiKey === key);
      if (!spoken || spoken.minVersion > version || spoken.maxVersion < version) {
        throw new KafkaRefusedError(
          `the cluster does not speak ${name} version ${version}: Kafka 3.9 or later is needed`,
        );
      }
    }
    this.#versionsChecked = true;
  }
}

/** The library's options for a connection: time limits, TLS, SASL. */
export function clientOptions({ tls, sasl }: KafkaConnection): ConnectionOptions {
  return {
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...(tls && { tls: { ...tls }, tlsServerName: true }),
    ...(sasl && { sasl: { ...sasl } }),
  };
}

/** Throws on errors that no retry mends: credentials, certificates, a version too old. */
export function throwIfFinal(error: unknown): void {
  if (error instanceof KafkaRefusedError) throw error;
  for (const cause of causesOf(error)) {
    const code = String(cause.code ?? "");
    if (code === "PLT_KFK_AUTHENTICATION") {
      throw new KafkaRefusedError(`Kafka refuses the credentials (check KAFKA_SASL_*): ${cause.message}`, {
        cause,
      });
    }
    if (code === "PLT_KFK_USER" || /CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|UNABLE_TO_VERIFY/.test(code)) {
      throw new KafkaRefusedError(`no TLS connection to Kafka (check KAFKA_TLS*): ${cause.message}`, {
        cause,
      });
    }
  }
}

function* causesOf(error: unknown): Generator<Error & { code?: unknown }> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) yield cause;
}

/** The library throws answers that hold an error code, the whole of them: here they are answers. */
export async function answerOf<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ResponseError) return error.response as T;
    throw error;
  }
}

/** Whether Kafka calls the error one that passes. */
export function passes(errorCode: number): boolean {
  const id = protocolErrorsCodesById[errorCode];
  return id === undefined ? false : (protocolErrors[id]?.canRetry ?? false);
}

export function errorName(errorCode: number): string {
  return protocolErrorsCodesById[errorCode] ?? `error ${errorCode}`;
}

function parseBroker(address: string): Broker {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}
