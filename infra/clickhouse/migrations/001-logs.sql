-- One append-only table for each result topic: every record of the topic is one row, kept as it came.
-- The sink inserts into these; people read the views of 002.
--
-- No PARTITION BY: one insert must be one block in one ClickHouse partition, or its token would not cover it whole.
-- non_replicated_deduplication_window: how many inserts back a token is remembered (the replicated_* settings say the
-- same where a cluster turns MergeTree into a replicated engine).
-- Primary keys are in the order of what is asked for: race, then runner or mat.

CREATE TABLE IF NOT EXISTS passing_outcomes_log
(
  race            LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  bib             String COMMENT 'Bib number the tag was issued for. May be unknown to the start list.' CODEC(ZSTD(1)),
  id              String COMMENT 'The read, unique within the race. `correction:ID` for a read added by a correction.' CODEC(ZSTD(1)),
  mat             LowCardinality(String) COMMENT 'Timing mat: start, 5k, half, finish, ...',
  time_s          Float64 COMMENT 'When the chip crossed, as it counts (after a change): seconds since local midnight of the race day.' CODEC(ZSTD(1)),
  received_s      Float64 COMMENT 'When the read reached the timing system: seconds since local midnight of the race day.' CODEC(ZSTD(1)),
  fate            LowCardinality(String) COMMENT 'What became of the read: counted, repeated, questionable, unknown_bib or voided.',
  reason          String COMMENT 'Why the read is not counted, in words. Empty for counted.' CODEC(ZSTD(1)),
  net_s           Nullable(Float64) COMMENT 'Seconds from the runner''s own start read. NULL without one, or where the read does not count.' CODEC(ZSTD(1)),
  gun_s           Nullable(Float64) COMMENT 'Seconds from the gun. NULL where the read does not count.' CODEC(ZSTD(1)),
  kafka_topic     LowCardinality(String) DEFAULT 'passing-outcomes' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition. A higher one of the same race and id replaces the lower.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (race, bib, id, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic passing-outcomes, also those that a later one replaced. For questions use the view passings.';

CREATE TABLE IF NOT EXISTS standings_log
(
  race             LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  mat              LowCardinality(String) COMMENT 'Timing mat: start, 5k, half, finish, ... Empty: the row says the runner''s status and nothing else.',
  bib              String COMMENT 'Bib number.' CODEC(ZSTD(1)),
  gender           LowCardinality(String) COMMENT 'M, F, X, or empty: not known.',
  division         LowCardinality(String) COMMENT 'Division within the gender, such as 40-44. Empty: none.',
  country          LowCardinality(String) COMMENT 'Country as the start list writes it. Empty: not known.',
  status           LowCardinality(String) COMMENT 'Runner at the time of the record: registered, running, overdue, finished, dnf (did not finish) or dsq (disqualified).',
  counted          Bool COMMENT 'False: this split no longer counts; its times are NULL.',
  as_of_s          Float64 COMMENT 'Race clock of the record: seconds since local midnight of the race day.' CODEC(ZSTD(1)),
  net_s            Nullable(Float64) COMMENT 'Seconds from the runner''s own start read. NULL without one.' CODEC(ZSTD(1)),
  gun_s            Nullable(Float64) COMMENT 'Seconds from the gun.' CODEC(ZSTD(1)),
  rank_s           Nullable(Float64) COMMENT 'The time places go by: net or gun, as the race says. NULL: a time but no place.' CODEC(ZSTD(1)),
  pace_s_per_km    Nullable(Float64) COMMENT 'Seconds per kilometre from the start to this mat.' CODEC(ZSTD(1)),
  leg_pace_s_per_km Nullable(Float64) COMMENT 'Seconds per kilometre from the last counted mat to this one.' CODEC(ZSTD(1)),
  place            Nullable(Int32) COMMENT 'Place overall when the record was written. Later arrivals may have shifted it: see the view standings.' CODEC(ZSTD(1)),
  passed           Int32 COMMENT 'Runners with a place at this mat when the record was written.' CODEC(ZSTD(1)),
  place_gender     Nullable(Int32) COMMENT 'Place within the gender when the record was written.' CODEC(ZSTD(1)),
  passed_gender    Int32 COMMENT 'Runners of the gender with a place at this mat when the record was written.' CODEC(ZSTD(1)),
  place_division   Nullable(Int32) COMMENT 'Place within gender and division when the record was written.' CODEC(ZSTD(1)),
  passed_division  Int32 COMMENT 'Runners of gender and division with a place at this mat when the record was written.' CODEC(ZSTD(1)),
  gap_leader_s     Nullable(Float64) COMMENT 'Seconds behind the leader at this mat when the record was written.' CODEC(ZSTD(1)),
  gap_ahead_s      Nullable(Float64) COMMENT 'Seconds behind the runner ahead at this mat when the record was written.' CODEC(ZSTD(1)),
  projected_s      Nullable(Float64) COMMENT 'Projected finish time in seconds, on the clock the race ranks by.' CODEC(ZSTD(1)),
  projected_place  Nullable(Int32) COMMENT 'Place the projected time would give among all finishes, projected and real.' CODEC(ZSTD(1)),
  kafka_topic      LowCardinality(String) DEFAULT 'standings' COMMENT 'Kafka topic the row came from.',
  kafka_partition  UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset     UInt64 COMMENT 'Offset in that partition. A higher one of the same race, mat and bib replaces the lower.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (race, mat, bib, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic standings, also those that a later one replaced. For questions use the views splits, standings and runners.';

CREATE TABLE IF NOT EXISTS correction_outcomes_log
(
  race            LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  id              String COMMENT 'The correction, unique within the race.' CODEC(ZSTD(1)),
  bib             String COMMENT 'Bib number the correction is about.' CODEC(ZSTD(1)),
  kind            LowCardinality(String) COMMENT 'void, add, change, disqualify or reinstate.',
  read            String COMMENT 'The read it names. Empty: none named.' CODEC(ZSTD(1)),
  mat             LowCardinality(String) COMMENT 'The mat it names. Empty: none named.',
  time_s          Nullable(Float64) COMMENT 'add, change: the right time, seconds since local midnight of the race day.' CODEC(ZSTD(1)),
  reason          String COMMENT 'The official''s reason, in words.' CODEC(ZSTD(1)),
  entered_ms      Int64 COMMENT 'When it was entered: Unix time in milliseconds.' CODEC(ZSTD(1)),
  applied         Bool COMMENT 'Whether it was applied.',
  refusal         String COMMENT 'Why it was not applied. Empty when it was.' CODEC(ZSTD(1)),
  kafka_topic     LowCardinality(String) DEFAULT 'correction-outcomes' COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.' CODEC(ZSTD(1)),
  kafka_offset    UInt64 COMMENT 'Offset in that partition. A higher one of the same race and id replaces the lower.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (race, id, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Every record of the topic correction-outcomes, also those that a later one replaced. For questions use the view corrections.';
