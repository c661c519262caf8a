/** What encoders, decoders and resolvers look at of an Avro type. avsc parses schemas, checks them and resolves their names. */
import avro from "avsc";

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  /** `undefined`: it has none. */
  defaultValue(): unknown;
}

export interface AvroType {
  readonly typeName: string;
  /** With its namespace. */
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly fields?: readonly AvroField[];
  readonly itemsType?: AvroType;
  readonly valuesType?: AvroType;
  readonly types?: readonly AvroType[];
  readonly symbols?: readonly string[];
  /** Of an enum: what stands for a symbol that it does not have. */
  readonly default?: string;
  readonly size?: number;
}

/**
 * A value of a union is told apart by what it is in JavaScript, so that no union may have two branches that look alike.
 * @throws Error when it is no schema.
 */
export function avroType(schema: unknown): AvroType {
  return avro.Type.forSchema(schema as avro.Schema, { wrapUnions: "never" }) as unknown as AvroType;
}

/** Whether its values have no bytes: any count of them would fit into none. */
export const isEmpty = ({ typeName, fields = [], size }: AvroType): boolean =>
  typeName === "null" || size === 0 || (typeName === "record" && fields.every(({ type }) => isEmpty(type)));

/** So many values without bytes an array may have. */
export const EMPTY_ITEMS_MAX = 1 << 20;

/** `"name"`; and as a computed one where it would set the prototype. */
export const property = (name: string): string =>
  name === "__proto__" ? '["__proto__"]' : JSON.stringify(name);

/** A test of whether `value`, the name of a variable, is one of `type` rather than of another branch of its union. */
export function looksLike(type: AvroType, value: string): string {
  switch (type.typeName) {
    case "null":
      return `${value} === null`;
    case "boolean":
      return `typeof ${value} === "boolean"`;
    case "int":
    case "long":
    case "float":
    case "double":
      return `typeof ${value} === "number"`;
    case "string":
    case "enum":
      return `typeof ${value} === "string"`;
    case "bytes":
    case "fixed":
      return `${value} instanceof Uint8Array`;
    case "array":
      return `Array.isArray(${value})`;
    default:
      return `typeof ${value} === "object" && ${value} !== null && !Array.isArray(${value}) && !(${value} instanceof Uint8Array)`;
  }
}
