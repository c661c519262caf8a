/** Which result topic goes into which table. The tables: migrations/001-logs.sql. */
import type { SinkTable } from "../../runtime/sinks/clickhouse/index.ts";
import { CorrectionOutcome, PassingOutcome, Standing } from "../../schemas/index.ts";

/** The tables' `kafka_topic` columns default to these names: a topic by another name needs another table. */
export const RESULT_TABLES: readonly SinkTable[] = [
  { topic: "passing-outcomes", table: "passing_outcomes_log", codec: PassingOutcome },
  { topic: "standings", table: "standings_log", codec: Standing },
  { topic: "correction-outcomes", table: "correction_outcomes_log", codec: CorrectionOutcome },
];
