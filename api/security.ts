/**
 * What protects readers' browsers and the control routes.
 *
 * S1  Pages run scripts and styles of this server only, in no frame of anybody else.
 * S2  Control routes take JSON only, never from a page of another origin; with a token set, only with the token.
 * S3  What tells of people's health leaves this machine with the token only, whatever is set; on this machine it is shown without one
 *     where no token is set, or where that is asked for. A request that a proxy passed on is not from this machine.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Problem, quoted } from "./problem.ts";

const CSP = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

/** S1, on every answer. */
export function setSecurityHeaders(app: FastifyInstance): void {
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("content-security-policy", CSP);
    reply.header("x-content-type-options", "nosniff");
    reply.header("referrer-policy", "same-origin");
    reply.header("cross-origin-resource-policy", "same-origin");
    reply.header("cross-origin-opener-policy", "same-origin");
  });
}

/** Who is shown what tells of health, where a token is set: who has it, or also whoever is on this machine (S3). */
export type HealthDataRule = "token" | "this-machine";

type Guard = (request: FastifyRequest) => Promise<void>;

/** S2, as a hook before the body is read. @throws Problem FORBIDDEN_ORIGIN, UNAUTHORIZED, UNSUPPORTED_MEDIA_TYPE */
export function controlGuard(token: string | undefined): Guard {
  return async (request) => {
    refuseOtherOrigins(request, token === undefined);
    if (token !== undefined) refuseWithoutToken(request, token);
    refuseOtherThanJson(request);
  };
}

/** S2 and S3. @throws Problem as `controlGuard` */
export function healthDataGuard(token: string | undefined, rule: HealthDataRule = "token"): Guard {
  return async (request) => {
    const isOpen = isFromHere(request) && (token === undefined || rule === "this-machine");
    refuseOtherOrigins(request, isOpen);
    if (!isOpen) refuseWithoutToken(request, token);
    refuseOtherThanJson(request);
  };
}

function refuseWithoutToken(request: FastifyRequest, token: string | undefined): void {
  if (token === undefined) {
    throw new Problem(
      "UNAUTHORIZED",
      "what tells of people's health is shown on the server's own machine only, as long as it has no control token",
    );
  }
  if (isBearer(request.headers.authorization, token)) return;
  throw new Problem(
    "UNAUTHORIZED",
    "this route needs the control token: send the header Authorization: Bearer TOKEN",
  );
}

function refuseOtherThanJson(request: FastifyRequest): void {
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (request.method === "POST" && type !== "application/json") {
    throw new Problem(
      "UNSUPPORTED_MEDIA_TYPE",
      `the body must be JSON: send the header content-type: application/json, not ${quoted(type ?? "none")}`,
    );
  }
}

function refuseOtherOrigins(request: FastifyRequest, withoutToken: boolean): void {
  const { origin, host } = request.headers;
  const site = request.headers["sec-fetch-site"];
  const isOurs = origin === undefined || origin === originOf(origin, host);
  // A page elsewhere may also reach us by a DNS name it controls: without a token, on loopback only loopback names are ours.
  const isRebound = withoutToken && isLoopback(request.socket.localAddress) && !isLoopbackName(host);
  if (!isOurs || isRebound || (site !== undefined && site !== "same-origin" && site !== "none")) {
    throw new Problem(
      "FORBIDDEN_ORIGIN",
      `control routes answer pages of this server only, not ${quoted(origin ?? host ?? "another site")}`,
    );
  }
}

/** The origin of a page at `host` with the scheme of `like`: a proxy before us may speak TLS; "" when they make none. */
function originOf(like: string, host = ""): string {
  const url = `${like.split("//", 1)[0]}//${host}`;
  return URL.canParse(url) ? new URL(url).origin : "";
}

/** What a proxy adds when it passes on what somebody else asked. */
const PASSED_ON = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/** Whether who asks is on this machine, by all that can be seen. */
function isFromHere({ socket, headers }: FastifyRequest): boolean {
  return (
    isLoopback(socket.remoteAddress) &&
    isLoopback(socket.localAddress ?? socket.remoteAddress) &&
    isLoopbackName(headers.host) &&
    PASSED_ON.every((name) => headers[name] === undefined)
  );
}

const isLoopbackName = (host = "localhost"): boolean =>
  /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host);

function isLoopback(address: string | undefined): boolean {
  return address === "127.0.0.1" || address === "::1" || address === "::ffff:127.0.0.1";
}

function isBearer(header: string | undefined, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(header ?? "")?.[1] ?? "";
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
