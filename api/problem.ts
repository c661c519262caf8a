/**
 * What an HTTP answer says when the request cannot be served: `{ code, message }`, the message naming what was wrong and
 * what is allowed instead. This is the closed list of codes and their status.
 *
 * P1  Nothing of our insides (stack, file, address) leaves with an answer: an error that is no `Problem` is `INTERNAL`.
 * P2  That Kafka does not answer is no fault of the program: 503, with when to ask again.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { Type } from "typebox";
import { PacestreamError } from "../runtime/errors.ts";
import { escaped, isPlain, TEXT_PATTERNS } from "./text-patterns.ts";

const STATUS = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN_ORIGIN: 403,
  NOT_FOUND: 404,
  UNKNOWN_RACE: 404,
  UNKNOWN_RUNNER: 404,
  UNKNOWN_ATHLETE: 404,
  UNKNOWN_JOB: 404,
  UNKNOWN_ALERT: 404,
  UNKNOWN_MAT: 400,
  UNKNOWN_GROUP: 400,
  CONFLICT: 409,
  ALERT_OVER: 409,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  NOT_READY: 503,
  KAFKA_AWAY: 503,
  TOO_MANY_READERS: 503,
  TOO_MANY_CONNECTIONS: 503,
} as const;

/** Why a job or an option of its author's is refused, in the runtime's codes. */
const SUBMIT_CODES: Readonly<Record<string, number>> = {
  JOB: 400,
  CONFIG: 400,
  MODULE_PATH: 400,
  BAD_PARALLELISM: 400,
  JOB_NAME_TAKEN: 409,
  RESCALE: 409,
  UPGRADE: 409,
};

export type ProblemCode = keyof typeof STATUS;

export class Problem extends PacestreamError {
  readonly status: number;
  /** Seconds after which the same request may succeed; sent as Retry-After. */
  readonly retryAfterS: number | undefined;

  constructor(code: ProblemCode, message: string, retryAfterS?: number) {
    super(code, message, retryAfterS === undefined ? "never" : "retry");
    this.status = STATUS[code];
    this.retryAfterS = retryAfterS;
  }
}

/** The body of every answer that is not a success. */
export const ProblemBody = Type.Object(
  { code: Type.String(), message: Type.String() },
  { title: "Problem", description: "What was wrong, and what is allowed" },
);

/** At most this many characters of what somebody sent are repeated in a message. */
const QUOTED_MAX = 60;

/** `text` in quotes, cut short, safe in a message. */
export function quoted(text: string): string {
  const short = JSON.stringify(text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text);
  return isPlain(short) ? short : escaped(short);
}

/** "a, b, c", or its first `max` with how many more there are. */
export function listed(values: readonly string[], max = 40): string {
  if (values.length === 0) return "none";
  const shown = values.slice(0, max).join(", ");
  return values.length > max ? `${shown} and ${values.length - max} more` : shown;
}

/** When to ask again where Kafka, or the thread that writes to it, does not answer. */
const AWAY_RETRY_S = 5;

/** Turns every failure of a request into a `ProblemBody` (P1). */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | PacestreamError | Error, request, reply) => {
    if (problemOf(error).code === "INTERNAL") request.log.error({ err: error }, "request failed");
    answerProblem(error, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    return reply
      .code(404)
      .header("cache-control", "no-store")
      .send({
        code: "NOT_FOUND",
        message: `${request.method} ${quoted(path)}: there is no such page; the API is described at /docs`,
      });
  });
}

/** Answers with what `error` is to the asker (P1). */
export function answerProblem(error: Error, reply: FastifyReply): void {
  const { status, code, message, retryAfterS } = problemOf(error);
  if (retryAfterS !== undefined) reply.header("retry-after", String(retryAfterS));
  reply
    .code(status)
    .header("cache-control", "no-store")
    .type("application/json; charset=utf-8")
    .send(JSON.stringify({ code, message }));
}

function problemOf(error: FastifyError | PacestreamError | Error): {
  status: number;
  code: string;
  message: string;
  retryAfterS?: number;
} {
  if (error instanceof Problem) {
    const { status, code, message, retryAfterS } = error;
    return { status, code, message, ...(retryAfterS !== undefined && { retryAfterS }) };
  }
  // P2
  if (error instanceof PacestreamError && error.code === "KAFKA_UNAVAILABLE") {
    const message = "Kafka does not answer at the moment; what is sent again with the same id counts once";
    return { status: STATUS.KAFKA_AWAY, code: "KAFKA_AWAY", message, retryAfterS: AWAY_RETRY_S };
  }
  // The author's own mistakes (a wrong job file, a wrong option) are told in full: their messages are written for that.
  const told = error instanceof PacestreamError ? SUBMIT_CODES[error.code] : undefined;
  if (error instanceof PacestreamError && told !== undefined)
    return { status: told, code: error.code, message: error.message };
  const fastify = error as Partial<FastifyError>;
  if (fastify.validation) {
    return {
      status: 400,
      code: "BAD_REQUEST",
      message: validationMessage(fastify.validation, fastify.validationContext),
    };
  }
  const status = fastify.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    const code: ProblemCode =
      status === 413 ? "TOO_LARGE" : status === 415 ? "UNSUPPORTED_MEDIA_TYPE" : "BAD_REQUEST";
    return { status, code, message: FRAMEWORK_WORDS[String(fastify.code)] ?? error.message };
  }
  return { status: 500, code: "INTERNAL", message: "the request failed inside; its cause stands in the log" };
}

/** Where the framework repeats the whole path. */
const FRAMEWORK_WORDS: Readonly<Record<string, string>> = {
  FST_ERR_MAX_PARAM_LENGTH: "a part of the path is too long",
  FST_ERR_BAD_URL: "the path is no text: its percent-encoding is wrong",
};

function validationMessage(validation: NonNullable<FastifyError["validation"]>, context = "request"): string {
  return validation
    .map((failure) => {
      const name = failure.instancePath.replace(/^\//, "").replaceAll("/", ".") || context;
      const { allowedValues: allowed, additionalProperty: unknown, pattern } = failure.params;
      if (unknown !== undefined) return `${name}: there is no field ${quoted(String(unknown))} here`;
      const described = TEXT_PATTERNS[String(pattern)];
      if (described !== undefined) return `${name} must be ${described}`;
      return Array.isArray(allowed)
        ? `${name} must be one of ${allowed.join(", ")}`
        : `${name} ${failure.message}`;
    })
    .join("; ");
}

/** What is no HTTP, or too much of it, is answered as everything else is, and the connection ends. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const code: ProblemCode = error.code === "HPE_HEADER_OVERFLOW" ? "HEADERS_TOO_LARGE" : "BAD_REQUEST";
  const message =
    code === "HEADERS_TOO_LARGE"
      ? "the request's line and headers are too long"
      : "this is no request that HTTP has";
  if (!socket.writable) return void socket.destroy();
  socket.end(rawProblem(code, message), () => socket.destroy());
}

/** An answer with a problem as bytes, for a connection that ends with it. */
export function rawProblem(code: ProblemCode, message: string, retryAfterS?: number): string {
  const body = JSON.stringify({ code, message });
  const status = STATUS[code];
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "content-type: application/json; charset=utf-8",
    "cache-control: no-store",
    "connection: close",
    ...(retryAfterS === undefined ? [] : [`retry-after: ${retryAfterS}`]),
    `content-length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ].join("\r\n");
}
