/**
 * `@platformatic/kafka`, loaded in half the time (lazy-checks.ts), whose broken connections end nothing (connection-errors.ts).
 * Everything here takes the library from this file.
 */
import "./lazy-checks.ts";
import "./connection-errors.ts";

export * from "@platformatic/kafka";
