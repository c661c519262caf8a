/** Says why a value is none of a type: for people, once a compiled encoder has found that it is not. */
import { type AvroField, type AvroType, looksLike } from "./avro-type.ts";

/** The first misfit of `value`: where, what is there, and what should be. `undefined` when it fits. */
export function misfitOf(type: AvroType, value: unknown, path = ""): string | undefined {
  const is = (what: string) => `${path === "" ? "the value" : path} is ${shown(value)}, ${what}`;
  switch (type.typeName) {
    case "null":
      return value === null ? undefined : is("not null");
    case "boolean":
      return typeof value === "boolean" ? undefined : is("not a boolean");
    case "int":
      return Number.isInteger(value) && Math.abs(value as number) <= 2 ** 31 && value !== 2 ** 31
        ? undefined
        : is("not an int (a whole number of 32 bits)");
    case "long":
      return Number.isSafeInteger(value) ? undefined : is("not a long (a whole number within ±(2^53 - 1))");
    case "float":
      return typeof value === "number" && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value))
        ? undefined
        : is("not a float (a number of 32 bits)");
    case "double":
      return typeof value === "number" ? undefined : is("not a double");
    case "string":
      if (typeof value !== "string") return is("not a string");
      return value.isWellFormed()
        ? undefined
        : is("half of a surrogate pair in it: such a text has no UTF-8");
    case "bytes":
      return value instanceof Uint8Array ? undefined : is("not bytes (a Buffer)");
    case "fixed":
      return value instanceof Uint8Array && value.length === type.size
        ? undefined
        : is(`not ${type.size} bytes`);
    case "enum":
      return type.symbols!.includes(value as string)
        ? undefined
        : is(`not one of ${type.symbols!.join(", ")}`);
    case "array":
      return Array.isArray(value)
        ? first(value.keys(), (at) => misfitOf(type.itemsType!, value[at], `${path}[${at}]`))
        : is("not a list");
    case "map":
      return isObject(value)
        ? first(Object.keys(value), (key) => {
            if (!key.isWellFormed())
              return `a key of ${path || "the map"} has half of a surrogate pair in it`;
            return misfitOf(type.valuesType!, value[key], `${path}[${JSON.stringify(key)}]`);
          })
        : is("not a map");
    case "record":
    case "error":
      return isObject(value)
        ? first(type.fields!, (field) => ofField(field, value, path))
        : is(`not a ${type.name}`);
    default: {
      const branch = type.types!.find((candidate) => branchTest(candidate)(value));
      if (branch) return misfitOf(branch, value, path);
      return is(`not one of ${type.types!.map(({ name, typeName }) => name ?? typeName).join(", ")}`);
    }
  }
}

function ofField(field: AvroField, value: Record<string, unknown>, path: string): string | undefined {
  const held = value[field.name];
  if (held === undefined && field.defaultValue() !== undefined) return undefined;
  return misfitOf(field.type, held, path === "" ? field.name : `${path}.${field.name}`);
}

function first<T>(things: Iterable<T>, misfit: (thing: T) => string | undefined): string | undefined {
  for (const thing of things) {
    const found = misfit(thing);
    if (found !== undefined) return found;
  }
  return undefined;
}

const branchTest = (type: AvroType) =>
  new Function("value", `return ${looksLike(type, "value")}`) as (value: unknown) => boolean;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const SHOWN_MAX = 60;

function shown(value: unknown): string {
  if (typeof value === "string") {
    const text = JSON.stringify(value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value);
    return text;
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  return Object.is(value, -0) ? "-0" : typeof value === "bigint" ? `${value}n` : String(value);
}
