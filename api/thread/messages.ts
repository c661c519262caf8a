/**
 * What the API's thread and the main thread say to each other: one union each way, both ends switch over it exhaustively.
 *
 * The API has a thread of its own, so that neither its readers nor the jobs hold each other up. What only the main thread can do is
 * asked of it: Kafka's client for sending loads on one thread of a process, and the node with its jobs lives there.
 *
 * M1  Each ask has a number, and is answered or refused once; who asks waits no longer than its `ASK_MAX_MS`.
 * M2  Everything sent is data that a structured clone keeps. Errors go as `SentError`: their class does not survive, code and hint do.
 */
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { PacestreamError, type RetryHint } from "../../runtime/errors.ts";
import type { Problem } from "../../runtime/health.ts";
import type { AlertAcknowledgement, Correction } from "../../schemas/index.ts";
import type { JobInfo, JobSpec } from "../control/control.ts";
import type { HubLimits } from "../live/stream-hub.ts";
import type { HealthDataRule } from "../security.ts";

/** What the thread serves, and where. */
export interface Serve {
  readonly kafka: KafkaConnection;
  readonly host: string;
  readonly port: number;
  readonly portFallback: boolean;
  readonly controlToken: string | undefined;
  readonly healthData: HealthDataRule | undefined;
  /** Where earlier results of athletes are; undefined: athletes are not shown. */
  readonly athletes: ClickHouseConnection | undefined;
  readonly limits: Partial<HubLimits> | undefined;
  /** What the main thread can be asked to do. */
  readonly can: { readonly jobs: boolean; readonly corrections: boolean; readonly acknowledgements: boolean };
}

/** What may be asked of the main thread, by name: what goes with the question, and what comes back. */
export interface Asks {
  readonly "list-jobs": { readonly give: undefined; readonly take: readonly JobInfo[] };
  readonly "submit-job": { readonly give: JobSpec; readonly take: JobInfo };
  readonly "cancel-job": { readonly give: string; readonly take: undefined };
  readonly correct: { readonly give: Correction; readonly take: undefined };
  readonly acknowledge: { readonly give: AlertAcknowledgement; readonly take: undefined };
  readonly metrics: { readonly give: undefined; readonly take: string };
  readonly problems: { readonly give: undefined; readonly take: readonly Problem[] };
}

export type Ask = { [K in keyof Asks]: { readonly what: K; readonly give: Asks[K]["give"] } }[keyof Asks];

/** A job is loaded and planned before it is answered, a record waits for a broker that is away, the rest is in memory. */
export const ASK_MAX_MS: Readonly<Record<keyof Asks, number>> = {
  "list-jobs": 10_000,
  "submit-job": 60_000,
  "cancel-job": 30_000,
  correct: 10_000,
  acknowledge: 10_000,
  metrics: 2_000,
  problems: 2_000,
};

export interface SentError {
  readonly message: string;
  /** Of a `PacestreamError`. */
  readonly code: string | undefined;
  readonly retry: RetryHint;
}

export type ToApi =
  | { readonly kind: "serve"; readonly serve: Serve }
  | { readonly kind: "answer"; readonly id: number; readonly value: Asks[keyof Asks]["take"] }
  | { readonly kind: "refusal"; readonly id: number; readonly error: SentError }
  /** Say goodbye to readers, end; the thread then exits by itself. */
  | { readonly kind: "close" };

export type FromApi =
  | { readonly kind: "listening"; readonly url: string }
  /** It cannot serve, and why; the thread exits. */
  | { readonly kind: "failed"; readonly error: SentError }
  /** All that was in the log at the start has been applied. */
  | { readonly kind: "ready" }
  | { readonly kind: "ask"; readonly id: number; readonly ask: Ask }
  /** A line of the log, as pino writes it. */
  | { readonly kind: "log"; readonly line: string };

export function sent(error: unknown): SentError {
  const known = error instanceof PacestreamError ? error : undefined;
  const { message = String(error) } = (error ?? {}) as Partial<Error>;
  return { message, code: known?.code, retry: known?.retry ?? "never" };
}

export function received({ message, code, retry }: SentError): Error {
  return code === undefined ? new Error(message) : new PacestreamError(code, message, retry);
}
