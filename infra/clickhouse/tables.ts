/** Which result topic goes into which table. The tables: migrations/. */
import type { SinkTable } from "../../runtime/sinks/clickhouse/index.ts";
import {
  ActivitySession,
  Alert,
  CorrectionOutcome,
  EventWindow,
  LateReading,
  PassingOutcome,
  ReadingWindow,
  SegmentTotal,
  Standing,
  Upload,
} from "../../schemas/index.ts";

/** The tables' `kafka_topic` columns default to these names: a topic by another name needs another table. */
export const RESULT_TABLES: readonly SinkTable[] = [
  { topic: "passing-outcomes", table: "passing_outcomes_log", codec: PassingOutcome },
  { topic: "standings", table: "standings_log", codec: Standing },
  { topic: "correction-outcomes", table: "correction_outcomes_log", codec: CorrectionOutcome },
];

/** What devices sent, and what jobs/windowed-aggregates.ts makes of it. */
export const READING_TABLES: readonly SinkTable[] = [
  { topic: "uploads", table: "uploads_log", codec: Upload },
  { topic: "reading-windows", table: "reading_windows_log", codec: ReadingWindow },
  { topic: "activity-sessions", table: "activity_sessions_log", codec: ActivitySession },
  { topic: "segment-totals", table: "segment_totals_log", codec: SegmentTotal },
  { topic: "event-windows", table: "event_windows_log", codec: EventWindow },
  { topic: "late-readings", table: "late_readings_log", codec: LateReading },
];

/** Those of the job health-alerts. */
export const ALERT_TABLES: readonly SinkTable[] = [{ topic: "alerts", table: "alerts_log", codec: Alert }];
