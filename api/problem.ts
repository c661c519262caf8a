/**
 * What an HTTP answer says when the request cannot be served: `{ code, message }`, the message naming what was wrong and
 * what is allowed instead. This is the closed list of codes and their status.
 *
 * P1  Nothing of our insides (stack, file, address) leaves with an answer: an error that is no `Problem` is `INTERNAL`.
 */
import type { FastifyError, FastifyInstance } from "fastify";
import { Type } from "typebox";
import { PacestreamError } from "../runtime/errors.ts";

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
  INTERNAL: 500,
  NOT_READY: 503,
  TOO_MANY_READERS: 503,
} as const;

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
  return JSON.stringify(text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text);
}

/** "a, b, c", or its first `max` with how many more there are. */
export function listed(values: readonly string[], max = 40): string {
  if (values.length === 0) return "none";
  const shown = values.slice(0, max).join(", ");
  return values.length > max ? `${shown} and ${values.length - max} more` : shown;
}

/** Turns every failure of a request into a `ProblemBody` (P1). */
export function answerProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | PacestreamError | Error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500 && problem.code === "INTERNAL")
      request.log.error({ err: error }, "request failed");
    if (problem.retryAfterS !== undefined) reply.header("retry-after", String(problem.retryAfterS));
    return reply
      .code(problem.status)
      .header("cache-control", "no-store")
      .type("application/json; charset=utf-8")
      .send(JSON.stringify({ code: problem.code, message: problem.message }));
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
  // The author's own mistakes (a wrong job file, a wrong option) are told in full: their messages are written for that.
  if (error instanceof PacestreamError && (error.code === "JOB" || error.code === "CONFIG")) {
    return { status: 400, code: error.code, message: error.message };
  }
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
    return { status, code, message: error.message };
  }
  return { status: 500, code: "INTERNAL", message: "the request failed inside; its cause stands in the log" };
}

function validationMessage(validation: NonNullable<FastifyError["validation"]>, context = "request"): string {
  return validation
    .map((failure) => {
      const name = failure.instancePath.replace(/^\//, "").replaceAll("/", ".") || context;
      const allowed = failure.params.allowedValues;
      return Array.isArray(allowed)
        ? `${name} must be one of ${allowed.join(", ")}`
        : `${name} ${failure.message}`;
    })
    .join("; ");
}
