/** `@platformatic/kafka`, loaded in half the time (lazy-checks.ts). Everything here takes the library from this file. */
import "./lazy-checks.ts";

export * from "@platformatic/kafka";
