/**
 * Has `@platformatic/kafka` compile the checks of its clients' options when they are first used, not when it is loaded: that takes a
 * quarter of a second of CPU in each thread, and a reader or a writer uses none of them. Imported before the library, by
 * library.ts only.
 */
import { createRequire } from "node:module";
import type { AnySchema, Ajv2020 as Checks, ValidateFunction } from "ajv/dist/2020.js";

// The library's own copy, wherever it is installed.
const requireOfLibrary = createRequire(import.meta.resolve("@platformatic/kafka"));
const { Ajv2020 } = requireOfLibrary("ajv/dist/2020.js") as { Ajv2020: typeof Checks };
const { compile } = Ajv2020.prototype;

Ajv2020.prototype.compile = function compileLater(this: Checks, schema: AnySchema): ValidateFunction {
  let compiled: ValidateFunction | undefined;
  const validate = (data: unknown): boolean => {
    compiled ??= compile.call(this, schema) as ValidateFunction;
    const isValid = compiled(data);
    validate.errors = compiled.errors;
    return isValid;
  };
  validate.errors = undefined as ValidateFunction["errors"];
  return validate as unknown as ValidateFunction;
} as typeof compile;
