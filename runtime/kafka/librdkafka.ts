/**
 * What all clients of `@confluentinc/kafka-javascript` (librdkafka) share: connection settings, and callbacks as promises.
 *
 * The addon loads on one thread of a process only, the main one: nothing here may be imported by a worker.
 *
 * K1  Time-outs are given explicitly: the addon's own default of five seconds is too short for a coordinator that moves.
 */
import kafka, { type LibrdKafkaError } from "@confluentinc/kafka-javascript";
import type { KafkaConnection } from "../config.ts";

export const ERRORS = kafka.CODES.ERRORS;

/** Settings every client starts from. */
export function librdkafkaSettings(connection: KafkaConnection, clientId: string) {
  const { brokers, tls, sasl } = connection;
  return {
    "bootstrap.servers": brokers.join(","),
    "client.id": clientId,
    "security.protocol": securityProtocol(tls !== undefined, sasl !== undefined),
    ...(tls?.ca && { "ssl.ca.pem": tls.ca }),
    ...(tls?.cert && { "ssl.certificate.pem": tls.cert }),
    ...(tls?.key && { "ssl.key.pem": tls.key }),
    ...(sasl && {
      "sasl.mechanisms": sasl.mechanism,
      "sasl.username": sasl.username,
      "sasl.password": sasl.password,
    }),
    // A broker that is back should be noticed at once: the default grows to ten seconds.
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
    "socket.keepalive.enable": true,
    "socket.nagle.disable": true,
    // librdkafka writes to stderr by itself; what matters comes back as errors of calls.
    log_level: 2,
  };
}

function securityProtocol(tls: boolean, sasl: boolean): "plaintext" | "ssl" | "sasl_plaintext" | "sasl_ssl" {
  if (tls) return sasl ? "sasl_ssl" : "ssl";
  return sasl ? "sasl_plaintext" : "plaintext";
}

/** Waits for one of the addon's callbacks: the error it was called with, or `undefined`. Also when the call itself throws. */
export function outcome(
  call: (callback: (error: LibrdKafkaError | null | undefined) => void) => void,
): Promise<LibrdKafkaError | undefined> {
  return new Promise((resolve) => {
    try {
      call((error) => resolve(error ?? undefined));
    } catch (error) {
      resolve(asLibrdKafkaError(error));
    }
  });
}

/** The addon throws its own errors, and plain ones with code -1 or none. */
export function asLibrdKafkaError(error: unknown): LibrdKafkaError {
  const { message, code } = error as { message?: string; code?: unknown };
  const number = typeof code === "number" ? code : ERRORS.ERR__STATE;
  return { message: message ?? String(error), code: number, errno: number, origin: "local" };
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
