/**
 * What an error of ClickHouse is about: a value, the table, or the service. Its codes are stable; texts are not.
 *
 * F1  Whatever is not clearly about a value is tried again, and nothing is set apart for it; what we do not know may become
 *     clear by asking about single rows (bisection.ts).
 */
import { ClickHouseError } from "@clickhouse/client";

/**
 * `value`: a row holds what its column cannot. `unclear`: ClickHouse answered that it does not take this, and we do not know
 * for what. `table`: it is not there. `service`: away, busy, read-only, not letting us in, out of room: not for what rows hold.
 */
export type About = "value" | "unclear" | "table" | "service";

/** ErrorCodes.cpp of ClickHouse. */
const VALUE = new Set([
  6, // CANNOT_PARSE_TEXT
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  33, // CANNOT_READ_ALL_DATA
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  131, // TOO_LARGE_STRING_SIZE
  153, // ILLEGAL_DIVISION
  190, // SIZES_OF_ARRAYS_DONT_MATCH
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
  407, // DECIMAL_OVERFLOW
  469, // VIOLATED_CONSTRAINT
  691, // UNKNOWN_ELEMENT_OF_ENUM
]);

const TABLE = new Set([
  60, // UNKNOWN_TABLE
  81, // UNKNOWN_DATABASE
]);

const SERVICE = new Set([
  16, // NO_SUCH_COLUMN_IN_TABLE
  159, // TIMEOUT_EXCEEDED
  164, // READONLY
  192, // UNKNOWN_USER
  193, // WRONG_PASSWORD
  194, // REQUIRED_PASSWORD
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  203, // NO_FREE_CONNECTION
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  225, // NO_ZOOKEEPER
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  243, // NOT_ENOUGH_SPACE
  252, // TOO_MANY_PARTS
  285, // TOO_FEW_LIVE_REPLICAS
  319, // UNKNOWN_STATUS_OF_INSERT
  372, // SESSION_NOT_FOUND
  373, // SESSION_IS_LOCKED
  394, // QUERY_WAS_CANCELLED
  439, // CANNOT_SCHEDULE_TASK
  497, // ACCESS_DENIED
  516, // AUTHENTICATION_FAILED
  999, // KEEPER_EXCEPTION
]);

export function aboutOf(error: unknown): About {
  const code = codeOf(error);
  if (code === undefined || SERVICE.has(code)) return "service";
  if (TABLE.has(code)) return "table";
  return VALUE.has(code) ? "value" : "unclear";
}

/** ClickHouse said it; otherwise nobody answered. */
export function isAnswer(error: unknown): boolean {
  return codeOf(error) !== undefined;
}

function codeOf(error: unknown): number | undefined {
  if (error instanceof ClickHouseError) return Number(error.code);
  // Exceptions of libraries inside ClickHouse, which its client does not know as answers.
  const inside = /^std::exception\. Code: (\d+)/.exec((error as Error | undefined)?.message ?? "");
  return inside ? Number(inside[1]) : undefined;
}

export function messageOf(error: unknown): string {
  const { message, code } = error as Error & { code?: string };
  return (message || code || String(error)).trim();
}
