/**
 * What a request may ask for, declared in one way on every route, and what is refused before a handler sees it.
 *
 * Q1  Numbers are finite integers within bounds, written in digits: `1e999` is none. The schema says so, `readParameters` holds the
 *     text against it, and handlers take the value through `of`, which trusts neither.
 * Q2  A parameter that a route does not have is refused by its name, and so is one that is given twice: nothing is dropped without a
 *     word.
 * Q3  Texts hold nothing that a terminal or a log would obey (text-patterns.ts).
 * Q4  Bodies are taken as they are, a text is not read as a number; fields that a body does not have are refused by name.
 */
import AjvCompiler from "@fastify/ajv-compiler";
import type { FastifyInstance, RouteOptions } from "fastify";
import { type TInteger, type TOptional, Type } from "typebox";
import { listed, Problem, quoted } from "./problem.ts";
import { isPlain } from "./text-patterns.ts";

const DIGITS = /^-?\d{1,16}$/;

export interface CountParameter {
  /** For the route's schema. */
  readonly schema: TOptional<TInteger>;
  /** The value to go by: as given, or the default. @throws Problem BAD_REQUEST for what is no integer within bounds (Q1) */
  of(given: number | undefined): number;
}

/** A number in a query (Q1). */
export function count(
  name: string,
  range: {
    readonly minimum: number;
    readonly maximum: number;
    readonly default: number;
    readonly description?: string;
  },
): CountParameter {
  const { minimum, maximum } = range;
  return {
    schema: Type.Optional(Type.Integer(range)),
    of(given = range.default) {
      if (Number.isSafeInteger(given) && given >= minimum && given <= maximum) return given;
      throw new Problem("BAD_REQUEST", `${name} must be an integer from ${minimum} to ${maximum}`);
    },
  };
}

type Declared = Readonly<Record<string, { readonly type?: unknown }>>;

/** Has every route of the API read its parameters so (Q1 to Q4). To be called before routes are added. */
export function readParameters(app: FastifyInstance): void {
  const compiler = AjvCompiler();
  const shared = { removeAdditional: false, strictNumbers: true } as const;
  const asText = compiler({}, { customOptions: { ...shared, coerceTypes: "array" } });
  const asIs = compiler({}, { customOptions: { ...shared, coerceTypes: false, useDefaults: false } });
  app.setValidatorCompiler((part) => (part.httpPart === "body" ? asIs : asText)(part)); // Q4
  app.addHook("onRoute", (route) => {
    if (!route.url.startsWith("/v1/")) return;
    const query = declaredBy(route);
    const before = [route.preValidation ?? []].flat();
    route.preValidation = [
      ...before,
      async (request) => {
        checkQuery(request.query as Record<string, unknown>, query);
      },
    ];
  });
}

function declaredBy({ schema }: RouteOptions): Declared {
  return (schema?.querystring as { properties?: Declared } | undefined)?.properties ?? {};
}

function checkQuery(given: Readonly<Record<string, unknown>>, declared: Declared): void {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name)) {
      throw new Problem(
        "BAD_REQUEST",
        `query: there is no parameter ${quoted(name)} here; there are ${listed(Object.keys(declared))}`,
      );
    }
    const { type } = declared[name]!;
    const value = given[name];
    if (Array.isArray(value) && type !== "array")
      throw new Problem("BAD_REQUEST", `${name} must be given once, not ${value.length} times`);
    if (type === "integer" && !DIGITS.test(String(value)))
      throw new Problem("BAD_REQUEST", `${name} must be integer`);
  }
  checkTexts(given);
}

function checkTexts(given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if ([value].flat().every((text) => typeof text !== "string" || isPlain(text))) continue;
    throw new Problem(
      "BAD_REQUEST",
      `${name} holds characters that no name has: control characters, or halves of characters`,
    );
  }
}
