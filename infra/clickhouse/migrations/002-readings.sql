-- What devices measured, as it came, and what it comes to. One append-only table for each topic, as in 001.
--
-- Readings come as the uploads they came in: a row holds some seconds of them, one array a quantity. The arrays of a column lie one
-- after the other on disk, so codecs see a device's values in the order of time, as if each were a row; while partition,
-- offset, device and times of sending are kept once an upload, and Kafka holds no second copy of every reading.

CREATE TABLE IF NOT EXISTS uploads_log
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.' CODEC(ZSTD(1)),
  event           LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else is measured for. NULL: everyday life.',
  device          String COMMENT 'The device.' CODEC(ZSTD(1)),
  id              Int64 COMMENT 'Id of the upload among the device''s. The same upload may have come more than once.' CODEC(Delta, ZSTD(1)),
  sent_ms         Int64 COMMENT 'Unix time in milliseconds by the device''s clock when the upload was made.' CODEC(Delta, ZSTD(1)),
  received_ms     Int64 COMMENT 'Unix time in milliseconds by the receiver''s clock.' CODEC(Delta, ZSTD(1)),
  readings        Array(Tuple(tsMs Int64, hr Nullable(Int32), lat Nullable(Float64), lon Nullable(Float64), distanceM Nullable(Float32), steps Nullable(Int32), cadence Nullable(Int32), altitudeM Nullable(Float32))) EPHEMERAL COMMENT 'What is inserted; kept as the columns below. Cannot be read.',
  ts_ms           Array(Int64) DEFAULT arrayMap(r -> r.tsMs, readings) COMMENT 'Unix times in milliseconds by the device''s clock, growing.' CODEC(DoubleDelta, ZSTD(3)),
  hr              Array(Nullable(Int32)) DEFAULT arrayMap(r -> r.hr, readings) COMMENT 'Heart rates, beats a minute, as the sensor said them, however implausible. NULL, here and below: not measured.' CODEC(Delta, ZSTD(3)),
  lat_e7          Array(Nullable(Int32)) DEFAULT arrayMap(r -> toInt32(round(r.lat * 1e7)), readings) COMMENT 'Latitudes in 0.0000001 degrees (a centimetre).' CODEC(DoubleDelta, ZSTD(3)),
  lon_e7          Array(Nullable(Int32)) DEFAULT arrayMap(r -> toInt32(round(r.lon * 1e7)), readings) COMMENT 'Longitudes in 0.0000001 degrees.' CODEC(DoubleDelta, ZSTD(3)),
  distance_cm     Array(Nullable(Int32)) DEFAULT arrayMap(r -> toInt32(floor(toFloat64(r.distanceM) * 100 + 0.5)), readings) COMMENT 'Centimetres covered since the recording began.' CODEC(Delta, T64, ZSTD(3)),
  steps           Array(Nullable(Int32)) DEFAULT arrayMap(r -> r.steps, readings) COMMENT 'Steps counted since the recording began.' CODEC(DoubleDelta, ZSTD(3)),
  cadence         Array(Nullable(Int32)) DEFAULT arrayMap(r -> r.cadence, readings) COMMENT 'Cadences: steps, strokes or turns a minute.' CODEC(T64, ZSTD(3)),
  altitude_cm     Array(Nullable(Int32)) DEFAULT arrayMap(r -> toInt32(floor(toFloat64(r.altitudeM) * 100 + 0.5)), readings) COMMENT 'Centimetres above sea level.' CODEC(Delta, ZSTD(3)),
  kafka_topic     LowCardinality(String) DEFAULT 'uploads' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition.' CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (participant, device, id, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic uploads, repeated ones too. For questions use the view readings.';

CREATE TABLE IF NOT EXISTS reading_windows_log
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.' CODEC(ZSTD(1)),
  event           LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else was measured for; of the last reading. NULL: everyday life.',
  size            LowCardinality(String) COMMENT 'Of the window: 10s, 1m, 1d.',
  start_ms        Int64 COMMENT 'Unix time in milliseconds of its begin.' CODEC(Delta, ZSTD(1)),
  end_ms          Int64 COMMENT 'Unix time in milliseconds of the first moment after it.' CODEC(Delta, ZSTD(1)),
  pane            LowCardinality(String) COMMENT 'early: the window was still open; on_time: its end had been reached; late: a reading came after that.',
  revision        Int32 COMMENT 'Results of the same window before this one.' CODEC(ZSTD(1)),
  readings        Int32 COMMENT 'Readings of it.' CODEC(ZSTD(1)),
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.' CODEC(ZSTD(1)),
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.' CODEC(ZSTD(1)),
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.' CODEC(ZSTD(1)),
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.' CODEC(ZSTD(1)),
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.' CODEC(ZSTD(1)),
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.' CODEC(ZSTD(1)),
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.' CODEC(ZSTD(1)),
  distance_m      Float64 COMMENT 'Metres covered.' CODEC(ZSTD(1)),
  steps           Int64 COMMENT 'Steps made.' CODEC(ZSTD(1)),
  active_s        Float64 COMMENT 'Seconds of activity.' CODEC(ZSTD(1)),
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.' CODEC(ZSTD(1)),
  kafka_topic     LowCardinality(String) DEFAULT 'reading-windows' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition. A higher one of the same participant, size, start_ms replaces the lower.' CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (participant, size, start_ms, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic reading-windows, also those that a later one replaced. For questions use the view reading_windows.';

CREATE TABLE IF NOT EXISTS activity_sessions_log
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.' CODEC(ZSTD(1)),
  event           LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else was measured for; of the last reading. NULL: everyday life.',
  kind            LowCardinality(String) COMMENT 'active or rest.',
  start_ms        Int64 COMMENT 'Unix time in milliseconds of its begin.' CODEC(Delta, ZSTD(1)),
  end_ms          Int64 COMMENT 'Unix time in milliseconds of its last reading.' CODEC(Delta, ZSTD(1)),
  readings        Int32 COMMENT 'Readings of it.' CODEC(ZSTD(1)),
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.' CODEC(ZSTD(1)),
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.' CODEC(ZSTD(1)),
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.' CODEC(ZSTD(1)),
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.' CODEC(ZSTD(1)),
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.' CODEC(ZSTD(1)),
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.' CODEC(ZSTD(1)),
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.' CODEC(ZSTD(1)),
  distance_m      Float64 COMMENT 'Metres covered.' CODEC(ZSTD(1)),
  steps           Int64 COMMENT 'Steps made.' CODEC(ZSTD(1)),
  active_s        Float64 COMMENT 'Seconds of activity.' CODEC(ZSTD(1)),
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.' CODEC(ZSTD(1)),
  kafka_topic     LowCardinality(String) DEFAULT 'activity-sessions' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition. A higher one of the same participant, kind, start_ms replaces the lower.' CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (participant, kind, start_ms, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic activity-sessions, also those that a later one replaced. For questions use the view activity_sessions.';

CREATE TABLE IF NOT EXISTS segment_totals_log
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.' CODEC(ZSTD(1)),
  event           LowCardinality(String) COMMENT 'The race, or whatever else has a course.',
  segment         LowCardinality(String) COMMENT 'Segment of the course, by its id there.',
  entered_ms      Int64 COMMENT 'Unix time in milliseconds of the first reading on it.' CODEC(Delta, ZSTD(1)),
  left_ms         Int64 COMMENT 'Unix time in milliseconds of the last reading on it.' CODEC(Delta, ZSTD(1)),
  pane            LowCardinality(String) COMMENT 'early: the participant was on it; on_time: had gone beyond its end; late: a reading on it came after that.',
  readings        Int32 COMMENT 'Readings of it.' CODEC(ZSTD(1)),
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.' CODEC(ZSTD(1)),
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.' CODEC(ZSTD(1)),
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.' CODEC(ZSTD(1)),
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.' CODEC(ZSTD(1)),
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.' CODEC(ZSTD(1)),
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.' CODEC(ZSTD(1)),
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.' CODEC(ZSTD(1)),
  distance_m      Float64 COMMENT 'Metres covered.' CODEC(ZSTD(1)),
  steps           Int64 COMMENT 'Steps made.' CODEC(ZSTD(1)),
  active_s        Float64 COMMENT 'Seconds of activity.' CODEC(ZSTD(1)),
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.' CODEC(ZSTD(1)),
  kafka_topic     LowCardinality(String) DEFAULT 'segment-totals' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition. A higher one of the same event, segment, participant replaces the lower.' CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (event, segment, participant, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic segment-totals, also those that a later one replaced. For questions use the view segment_totals.';

CREATE TABLE IF NOT EXISTS event_windows_log
(
  event           LowCardinality(String) COMMENT 'The race, or whatever else was measured for.',
  size            LowCardinality(String) COMMENT 'Of the window: 1m.',
  start_ms        Int64 COMMENT 'Unix time in milliseconds of its begin.' CODEC(Delta, ZSTD(1)),
  end_ms          Int64 COMMENT 'Unix time in milliseconds of the first moment after it.' CODEC(Delta, ZSTD(1)),
  pane            LowCardinality(String) COMMENT 'early: the window was still open; on_time: its end had been reached; late: a reading came after that.',
  revision        Int32 COMMENT 'Results of the same window before this one.' CODEC(ZSTD(1)),
  participants    Int32 COMMENT 'Who had a reading in it that was not late.' CODEC(ZSTD(1)),
  readings        Int32 COMMENT 'Readings of it.' CODEC(ZSTD(1)),
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.' CODEC(ZSTD(1)),
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.' CODEC(ZSTD(1)),
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.' CODEC(ZSTD(1)),
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.' CODEC(ZSTD(1)),
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.' CODEC(ZSTD(1)),
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.' CODEC(ZSTD(1)),
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.' CODEC(ZSTD(1)),
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.' CODEC(ZSTD(1)),
  distance_m      Float64 COMMENT 'Metres covered.' CODEC(ZSTD(1)),
  steps           Int64 COMMENT 'Steps made.' CODEC(ZSTD(1)),
  active_s        Float64 COMMENT 'Seconds of activity.' CODEC(ZSTD(1)),
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.' CODEC(ZSTD(1)),
  kafka_topic     LowCardinality(String) DEFAULT 'event-windows' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition. A higher one of the same event, size, start_ms replaces the lower.' CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (event, size, start_ms, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic event-windows, also those that a later one replaced. For questions use the view event_windows.';

CREATE TABLE IF NOT EXISTS late_readings_log
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.' CODEC(ZSTD(1)),
  event           LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else was measured for. NULL: everyday life.',
  device          String COMMENT 'The device.' CODEC(ZSTD(1)),
  upload          Int64 COMMENT 'Id of the upload it came with, among the device''s.' CODEC(Delta, ZSTD(1)),
  ts_ms           Int64 COMMENT 'Unix time in milliseconds by the device''s clock.' CODEC(Delta, ZSTD(1)),
  missed          LowCardinality(String) COMMENT 'What it came too late for: a window''s size, active or rest (sessions); future: dated too far ahead, in no window at all.',
  kafka_topic     LowCardinality(String) DEFAULT 'late-readings' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition.' CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (participant, device, ts_ms, missed, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic late-readings, also those that a later one replaced. For questions use the view late_readings.';
