/** A log that says nothing, for tests that look at answers. */
import type { FastifyBaseLogger } from "fastify";
import { pino } from "pino";

export function silentLog(): FastifyBaseLogger {
  return pino({ level: "silent" });
}
