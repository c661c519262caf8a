-- The table of the topic alerts, as those of 001: every record is one row, kept as it came.

CREATE TABLE IF NOT EXISTS alerts_log
(
  id              String COMMENT 'The alert, one id for life: PARTICIPANT/KIND/SINCE.' CODEC(ZSTD(1)),
  participant     String COMMENT 'Who it is about, as in the uploads: an id that names nobody. In a race RACE/BIB.' CODEC(ZSTD(1)),
  event           LowCardinality(Nullable(String)) COMMENT 'The race or whatever else it was measured for. NULL: everyday life.',
  device          String COMMENT 'Whose readings show it.' CODEC(ZSTD(1)),
  kind            LowCardinality(String) COMMENT 'high_heart_rate, sudden_drop, stuck_sensor, spiking_sensor, cadence_lock, lost_signal or no_motion.',
  state           LowCardinality(String) COMMENT 'What this record says happened: raised, escalated, acknowledged or cleared. None comes twice.',
  since_ms        Int64 COMMENT 'When it began, by the readings: Unix time in milliseconds.' CODEC(ZSTD(1)),
  at_ms           Int64 COMMENT 'When this was due: the time of the reading that decided it, or of the acknowledgement. Unix time in milliseconds.' CODEC(ZSTD(1)),
  value           Nullable(Float64) COMMENT 'What was measured: beats or steps a minute, metres. NULL for a lost signal.' CODEC(ZSTD(1)),
  limit           Nullable(Float64) COMMENT 'What value is held against, in its unit. NULL: nothing but the time it lasted.' CODEC(ZSTD(1)),
  reason          String COMMENT 'In words. Of a cleared one why it is over.' CODEC(ZSTD(1)),
  rules           Int32 COMMENT 'Version of the health rules that decided. 0: those built in.' CODEC(ZSTD(1)),
  lat             Nullable(Float64) COMMENT 'Last known place, WGS 84 degrees.' CODEC(ZSTD(1)),
  lon             Nullable(Float64) COMMENT 'Last known place, WGS 84 degrees.' CODEC(ZSTD(1)),
  distance_m      Nullable(Float32) COMMENT 'How far the person had come, last known, in metres.' CODEC(ZSTD(1)),
  acknowledged_by Nullable(String) COMMENT 'Who took it on: an id that names nobody. NULL: nobody yet.' CODEC(ZSTD(1)),
  acknowledged_ms Nullable(Int64) COMMENT 'When they did: Unix time in milliseconds.' CODEC(ZSTD(1)),
  readings        Int32 COMMENT 'How many readings were looked at since it began.' CODEC(ZSTD(1)),
  evidence        Array(Tuple(tsMs Int64, hr Nullable(Int32), cadence Nullable(Int32), distanceM Nullable(Float32), lat Nullable(Float64), lon Nullable(Float64))) COMMENT 'Some of those readings, by time, the first and the last always: at most 12.' CODEC(ZSTD(1)),
  kafka_topic     LowCardinality(String) DEFAULT 'alerts' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition. A higher one of the same id replaces the lower.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (participant, id, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic alerts: each transition of each alert. For questions use the view alerts.';
