-- What people query. A view shows the latest record of each thing; the logs of 001 keep all of them.
--
-- Latest is found by a window over the primary key, not by argMax: argMax passes over NULL, so it would bring back a time
-- that a later record took away. A predicate on race (and mat, or bib) reaches the primary key through the window.

CREATE OR REPLACE VIEW passings
(
  race            LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  bib             String COMMENT 'Bib number the tag was issued for. May be unknown to the start list.',
  id              String COMMENT 'The read, unique within the race. `correction:ID` for a read added by a correction.',
  mat             LowCardinality(String) COMMENT 'Timing mat: start, 5k, half, finish, ...',
  time_s          Float64 COMMENT 'When the chip crossed, as it counts (after a change): seconds since local midnight of the race day.',
  received_s      Float64 COMMENT 'When the read reached the timing system: seconds since local midnight of the race day.',
  fate            LowCardinality(String) COMMENT 'What became of the read: counted, repeated, questionable, unknown_bib or voided.',
  reason          String COMMENT 'Why the read is not counted, in words. Empty for counted.',
  net_s           Nullable(Float64) COMMENT 'Seconds from the runner''s own start read. NULL without one, or where the read does not count.',
  gun_s           Nullable(Float64) COMMENT 'Seconds from the gun. NULL where the read does not count.',
  kafka_topic     LowCardinality(String) COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.',
  kafka_offset    UInt64 COMMENT 'Offset in that partition.'
)
AS SELECT * EXCEPT (latest)
FROM (SELECT *, max(kafka_offset) OVER (PARTITION BY race, bib, id) AS latest FROM passing_outcomes_log)
WHERE kafka_offset = latest
COMMENT 'One row for each read received (or added by a correction), with what became of it.';

CREATE OR REPLACE VIEW standings_latest
(
  race             LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  mat              LowCardinality(String) COMMENT 'Timing mat: start, 5k, half, finish, ... Empty: the row says the runner''s status and nothing else.',
  bib              String COMMENT 'Bib number.',
  gender           LowCardinality(String) COMMENT 'M, F, X, or empty: not known.',
  division         LowCardinality(String) COMMENT 'Division within the gender, such as 40-44. Empty: none.',
  country          LowCardinality(String) COMMENT 'Country as the start list writes it. Empty: not known.',
  status           LowCardinality(String) COMMENT 'Runner at the time of the record: registered, running, overdue, finished, dnf (did not finish) or dsq (disqualified).',
  counted          Bool COMMENT 'False: this split no longer counts; its times are NULL.',
  as_of_s          Float64 COMMENT 'Race clock of the record: seconds since local midnight of the race day.',
  net_s            Nullable(Float64) COMMENT 'Seconds from the runner''s own start read. NULL without one.',
  gun_s            Nullable(Float64) COMMENT 'Seconds from the gun.',
  rank_s           Nullable(Float64) COMMENT 'The time places go by: net or gun, as the race says. NULL: a time but no place.',
  pace_s_per_km    Nullable(Float64) COMMENT 'Seconds per kilometre from the start to this mat.',
  leg_pace_s_per_km Nullable(Float64) COMMENT 'Seconds per kilometre from the last counted mat to this one.',
  place            Nullable(Int32) COMMENT 'Place overall when the record was written. Later arrivals may have shifted it: see the view standings.',
  passed           Int32 COMMENT 'Runners with a place at this mat when the record was written.',
  place_gender     Nullable(Int32) COMMENT 'Place within the gender when the record was written.',
  passed_gender    Int32 COMMENT 'Runners of the gender with a place at this mat when the record was written.',
  place_division   Nullable(Int32) COMMENT 'Place within gender and division when the record was written.',
  passed_division  Int32 COMMENT 'Runners of gender and division with a place at this mat when the record was written.',
  gap_leader_s     Nullable(Float64) COMMENT 'Seconds behind the leader at this mat when the record was written.',
  gap_ahead_s      Nullable(Float64) COMMENT 'Seconds behind the runner ahead at this mat when the record was written.',
  projected_s      Nullable(Float64) COMMENT 'Projected finish time in seconds, on the clock the race ranks by.',
  projected_place  Nullable(Int32) COMMENT 'Place the projected time would give among all finishes, projected and real.',
  kafka_topic      LowCardinality(String) COMMENT 'Kafka topic the row came from.',
  kafka_partition  UInt32 COMMENT 'Kafka partition the row came from.',
  kafka_offset     UInt64 COMMENT 'Offset in that partition.'
)
AS SELECT * EXCEPT (latest)
FROM (SELECT *, max(kafka_offset) OVER (PARTITION BY race, mat, bib) AS latest FROM standings_log)
WHERE kafka_offset = latest
COMMENT 'The latest record of each runner and mat, counted or not: what splits, standings and runners are made of.';

CREATE OR REPLACE VIEW splits
(
  race                        LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  mat                         LowCardinality(String) COMMENT 'Timing mat: start, 5k, half, finish, ...',
  bib                         String COMMENT 'Bib number.',
  gender                      LowCardinality(String) COMMENT 'M, F, X, or empty: not known.',
  division                    LowCardinality(String) COMMENT 'Division within the gender, such as 40-44. Empty: none.',
  country                     LowCardinality(String) COMMENT 'Country as the start list writes it. Empty: not known.',
  net_s                       Nullable(Float64) COMMENT 'Seconds from the runner''s own start read. NULL without one.',
  gun_s                       Nullable(Float64) COMMENT 'Seconds from the gun.',
  rank_s                      Nullable(Float64) COMMENT 'The time places go by: net or gun, as the race says. NULL: a time but no place (no start read in a race by net time, or disqualified).',
  pace_s_per_km               Nullable(Float64) COMMENT 'Seconds per kilometre from the start to this mat.',
  leg_pace_s_per_km           Nullable(Float64) COMMENT 'Seconds per kilometre from the last counted mat to this one.',
  place_when_passed           Nullable(Int32) COMMENT 'Place overall among those who had passed when this runner did. The place now: standings.',
  passed_when_passed          Int32 COMMENT 'Runners with a place at this mat at that moment.',
  place_gender_when_passed    Nullable(Int32) COMMENT 'Place within the gender at that moment.',
  passed_gender_when_passed   Int32 COMMENT 'Runners of the gender with a place at this mat at that moment.',
  place_division_when_passed  Nullable(Int32) COMMENT 'Place within gender and division at that moment.',
  passed_division_when_passed Int32 COMMENT 'Runners of gender and division with a place at this mat at that moment.',
  gap_leader_when_passed_s    Nullable(Float64) COMMENT 'Seconds behind the leader at this mat at that moment.',
  gap_ahead_when_passed_s     Nullable(Float64) COMMENT 'Seconds behind the runner ahead at this mat at that moment.',
  projected_s                 Nullable(Float64) COMMENT 'Finish time projected here, in seconds, on the clock the race ranks by.',
  projected_place             Nullable(Int32) COMMENT 'Place that time would have given among all finishes then known, projected and real.',
  as_of_s                     Float64 COMMENT 'Race clock of the record: seconds since local midnight of the race day.'
)
AS SELECT
  race, mat, bib, gender, division, country, net_s, gun_s, rank_s, pace_s_per_km, leg_pace_s_per_km,
  place AS place_when_passed, passed AS passed_when_passed,
  place_gender AS place_gender_when_passed, passed_gender AS passed_gender_when_passed,
  place_division AS place_division_when_passed, passed_division AS passed_division_when_passed,
  gap_leader_s AS gap_leader_when_passed_s, gap_ahead_s AS gap_ahead_when_passed_s,
  projected_s, projected_place, as_of_s
FROM standings_latest
WHERE counted AND mat != ''
COMMENT 'One row for each runner and mat that counts: times, paces, and the places as they stood when the runner passed.';

CREATE OR REPLACE VIEW standings
(
  race            LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  mat             LowCardinality(String) COMMENT 'Timing mat: start, 5k, half, finish, ...',
  bib             String COMMENT 'Bib number.',
  gender          LowCardinality(String) COMMENT 'M, F, X, or empty: not known.',
  division        LowCardinality(String) COMMENT 'Division within the gender, such as 40-44. Empty: none.',
  country         LowCardinality(String) COMMENT 'Country as the start list writes it. Empty: not known.',
  place           UInt32 COMMENT 'Place overall, now. Runners of one time share the best place.',
  passed          UInt32 COMMENT 'Runners with a place at this mat.',
  place_gender    Nullable(UInt32) COMMENT 'Place within the gender, now. NULL where the gender is not known.',
  passed_gender   UInt32 COMMENT 'Runners of the gender with a place at this mat.',
  place_division  Nullable(UInt32) COMMENT 'Place within gender and division, now. NULL without a gender or a division.',
  passed_division UInt32 COMMENT 'Runners of gender and division with a place at this mat.',
  rank_s          Float64 COMMENT 'The time the places go by: net or gun, as the race says.',
  net_s           Nullable(Float64) COMMENT 'Seconds from the runner''s own start read. NULL without one.',
  gun_s           Nullable(Float64) COMMENT 'Seconds from the gun.',
  gap_leader_s    Float64 COMMENT 'Seconds behind the leader at this mat.',
  gap_ahead_s     Nullable(Float64) COMMENT 'Seconds behind the runner ahead at this mat. NULL for the leader.'
)
AS SELECT
  race, mat, bib, gender, division, country,
  rank() OVER field AS place, count() OVER everyone AS passed,
  if(gender = '', NULL, rank() OVER field_gender) AS place_gender, count() OVER everyone_gender AS passed_gender,
  if(gender = '' OR division = '', NULL, rank() OVER field_division) AS place_division, count() OVER everyone_division AS passed_division,
  rank_s, net_s, gun_s,
  round(rank_s - min(rank_s) OVER everyone, 3) AS gap_leader_s,
  if(row_number() OVER in_line = 1, NULL, round(rank_s - lagInFrame(rank_s) OVER in_line, 3)) AS gap_ahead_s
FROM (SELECT * REPLACE (assumeNotNull(l.rank_s) AS rank_s) FROM standings_latest AS l WHERE l.counted AND l.mat != '' AND l.rank_s IS NOT NULL AND l.status != 'dsq')
WINDOW
  field AS (PARTITION BY race, mat ORDER BY rank_s),
  field_gender AS (PARTITION BY race, mat, gender ORDER BY rank_s),
  field_division AS (PARTITION BY race, mat, gender, division ORDER BY rank_s),
  everyone AS (PARTITION BY race, mat),
  everyone_gender AS (PARTITION BY race, mat, gender),
  everyone_division AS (PARTITION BY race, mat, gender, division),
  in_line AS (PARTITION BY race, mat ORDER BY rank_s, bib ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
COMMENT 'The places at every mat as they are now: overall, by gender, by division within the gender. Whoever has no place (disqualified, or no time the race ranks by) is not here.';

CREATE OR REPLACE VIEW runners
(
  race         LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  bib          String COMMENT 'Bib number.',
  gender       LowCardinality(String) COMMENT 'M, F, X, or empty: not known.',
  division     LowCardinality(String) COMMENT 'Division within the gender, such as 40-44. Empty: none.',
  country      LowCardinality(String) COMMENT 'Country as the start list writes it. Empty: not known.',
  status       LowCardinality(String) COMMENT 'registered, running, overdue, finished, dnf (did not finish) or dsq (disqualified).',
  mats_passed  UInt32 COMMENT 'Mats with a split that counts, the start included.',
  finish_net_s Nullable(Float64) COMMENT 'Finish, in seconds from the runner''s own start read. NULL unless finished with a start read.',
  finish_gun_s Nullable(Float64) COMMENT 'Finish, in seconds from the gun. NULL unless finished.',
  as_of_s      Float64 COMMENT 'Race clock of the runner''s latest record: seconds since local midnight of the race day.'
)
AS SELECT
  race, bib,
  argMax(l.gender, kafka_offset) AS gender, argMax(l.division, kafka_offset) AS division, argMax(l.country, kafka_offset) AS country,
  argMax(l.status, kafka_offset) AS status,
  countIf(l.counted AND l.mat != '') AS mats_passed,
  -- Times grow along the course, so the finish is the largest of a runner who finished.
  if(status = 'finished', maxIf(l.net_s, l.counted), NULL) AS finish_net_s,
  if(status = 'finished', maxIf(l.gun_s, l.counted), NULL) AS finish_gun_s,
  argMax(l.as_of_s, kafka_offset) AS as_of_s
FROM standings_latest AS l
GROUP BY race, bib
COMMENT 'One row for each runner: who, how far, and the finish.';

CREATE OR REPLACE VIEW corrections
(
  race       LowCardinality(String) COMMENT 'Race, such as chicago-2023.',
  id         String COMMENT 'The correction, unique within the race.',
  bib        String COMMENT 'Bib number the correction is about.',
  kind       LowCardinality(String) COMMENT 'void, add, change, disqualify or reinstate.',
  read       String COMMENT 'The read it names. Empty: none named.',
  mat        LowCardinality(String) COMMENT 'The mat it names. Empty: none named.',
  time_s     Nullable(Float64) COMMENT 'add, change: the right time, seconds since local midnight of the race day.',
  reason     String COMMENT 'The official''s reason, in words.',
  entered_at DateTime64(3, 'UTC') COMMENT 'When it was entered.',
  applied    Bool COMMENT 'Whether it was applied.',
  refusal    String COMMENT 'Why it was not applied. Empty when it was.'
)
AS SELECT race, id, bib, kind, read, mat, time_s, reason, fromUnixTimestamp64Milli(entered_ms, 'UTC') AS entered_at, applied, refusal
FROM (SELECT *, max(kafka_offset) OVER (PARTITION BY race, id) AS latest FROM correction_outcomes_log)
WHERE kafka_offset = latest
COMMENT 'One row for each correction an official entered, applied or refused.';

CREATE OR REPLACE VIEW readings
(
  participant String COMMENT 'Who wears the device; in a race RACE/BIB.',
  event       LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else is measured for. NULL: everyday life.',
  device      String COMMENT 'The device.',
  upload      Int64 COMMENT 'Id of the upload it came with, among the device''s.',
  ts_ms       Int64 COMMENT 'Unix time in milliseconds by the device''s clock.',
  ts_at       DateTime64(3, 'UTC') COMMENT 'ts_ms, for people.',
  hr          Nullable(Int32) COMMENT 'Heart rate, beats a minute, as the sensor said it, however implausible. NULL, here and below: not measured.',
  lat         Nullable(Float64) COMMENT 'Latitude, WGS 84 degrees.',
  lon         Nullable(Float64) COMMENT 'Longitude, WGS 84 degrees.',
  distance_cm Nullable(Int32) COMMENT 'Centimetres covered since the recording began.',
  steps       Nullable(Int32) COMMENT 'Steps counted since the recording began.',
  cadence     Nullable(Int32) COMMENT 'Steps, strokes or turns a minute.',
  altitude_m  Nullable(Float64) COMMENT 'Metres above sea level.',
  sent_ms     Int64 COMMENT 'Unix time in milliseconds by the device''s clock when the upload was made.',
  received_ms Int64 COMMENT 'Unix time in milliseconds by the receiver''s clock, when the upload first came.'
)
AS SELECT participant, event, device, id AS upload, ts_ms, fromUnixTimestamp64Milli(ts_ms, 'UTC') AS ts_at, hr,
  lat_e7 / 1e7 AS lat, lon_e7 / 1e7 AS lon, distance_cm, steps, cadence, altitude_cm / 100 AS altitude_m, sent_ms, received_ms
FROM
(
  SELECT *, min(kafka_offset) OVER (PARTITION BY participant, device, id) AS first
  FROM uploads_log
)
ARRAY JOIN ts_ms, hr, lat_e7, lon_e7, distance_cm, steps, cadence, altitude_cm
WHERE kafka_offset = first
COMMENT 'One row for each reading of a device, uploads that came twice counted once.';

CREATE OR REPLACE VIEW reading_windows
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.',
  event           LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else was measured for; of the last reading. NULL: everyday life.',
  size            LowCardinality(String) COMMENT 'Of the window: 10s, 1m, 1d.',
  start_ms        Int64 COMMENT 'Unix time in milliseconds of its begin.',
  end_ms          Int64 COMMENT 'Unix time in milliseconds of the first moment after it.',
  pane            LowCardinality(String) COMMENT 'early: the window was still open; on_time: its end had been reached; late: a reading came after that.',
  revision        Int32 COMMENT 'Results of the same window before this one.',
  readings        Int32 COMMENT 'Readings of it.',
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.',
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.',
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.',
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.',
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.',
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.',
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.',
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.',
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.',
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.',
  distance_m      Float64 COMMENT 'Metres covered.',
  steps           Int64 COMMENT 'Steps made.',
  active_s        Float64 COMMENT 'Seconds of activity.',
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.',
  start_at        DateTime64(3, 'UTC') COMMENT 'start_ms, for people.',
  end_at          DateTime64(3, 'UTC') COMMENT 'end_ms, for people.',
  kafka_topic     LowCardinality(String) COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.',
  kafka_offset    UInt64 COMMENT 'Offset in that partition.'
)
AS SELECT participant, event, size, start_ms, end_ms, pane, revision, readings, hr_count, hr_min, hr_max, hr_mean, hr_p05, hr_p25, hr_p50, hr_p75, hr_p95, cadence_mean, distance_m, steps, active_s, rest_s,
  fromUnixTimestamp64Milli(start_ms, 'UTC') AS start_at, fromUnixTimestamp64Milli(end_ms, 'UTC') AS end_at,
  kafka_topic, kafka_partition, kafka_offset
FROM (SELECT *, max(kafka_offset) OVER (PARTITION BY participant, size, start_ms) AS latest FROM reading_windows_log)
WHERE kafka_offset = latest
COMMENT 'One row for each participant and window of time, as its latest result has it: what a participant''s readings come to.';

CREATE OR REPLACE VIEW activity_sessions
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.',
  event           LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else was measured for; of the last reading. NULL: everyday life.',
  kind            LowCardinality(String) COMMENT 'active or rest.',
  start_ms        Int64 COMMENT 'Unix time in milliseconds of its begin.',
  end_ms          Int64 COMMENT 'Unix time in milliseconds of its last reading.',
  readings        Int32 COMMENT 'Readings of it.',
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.',
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.',
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.',
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.',
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.',
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.',
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.',
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.',
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.',
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.',
  distance_m      Float64 COMMENT 'Metres covered.',
  steps           Int64 COMMENT 'Steps made.',
  active_s        Float64 COMMENT 'Seconds of activity.',
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.',
  start_at        DateTime64(3, 'UTC') COMMENT 'start_ms, for people.',
  end_at          DateTime64(3, 'UTC') COMMENT 'end_ms, for people.',
  kafka_topic     LowCardinality(String) COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.',
  kafka_offset    UInt64 COMMENT 'Offset in that partition.'
)
AS SELECT participant, event, kind, start_ms, end_ms, readings, hr_count, hr_min, hr_max, hr_mean, hr_p05, hr_p25, hr_p50, hr_p75, hr_p95, cadence_mean, distance_m, steps, active_s, rest_s,
  fromUnixTimestamp64Milli(start_ms, 'UTC') AS start_at, fromUnixTimestamp64Milli(end_ms, 'UTC') AS end_at,
  kafka_topic, kafka_partition, kafka_offset
FROM (SELECT *, max(kafka_offset) OVER (PARTITION BY participant, kind, start_ms) AS latest FROM activity_sessions_log)
WHERE kafka_offset = latest
COMMENT 'One row for each stretch of activity or of rest of a participant, once it is over.';

CREATE OR REPLACE VIEW segment_totals
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.',
  event           LowCardinality(String) COMMENT 'The race, or whatever else has a course.',
  segment         LowCardinality(String) COMMENT 'Segment of the course, by its id there.',
  entered_ms      Int64 COMMENT 'Unix time in milliseconds of the first reading on it.',
  left_ms         Int64 COMMENT 'Unix time in milliseconds of the last reading on it.',
  pane            LowCardinality(String) COMMENT 'early: the participant was on it; on_time: had gone beyond its end; late: a reading on it came after that.',
  readings        Int32 COMMENT 'Readings of it.',
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.',
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.',
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.',
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.',
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.',
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.',
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.',
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.',
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.',
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.',
  distance_m      Float64 COMMENT 'Metres covered.',
  steps           Int64 COMMENT 'Steps made.',
  active_s        Float64 COMMENT 'Seconds of activity.',
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.',
  entered_at      DateTime64(3, 'UTC') COMMENT 'entered_ms, for people.',
  left_at         DateTime64(3, 'UTC') COMMENT 'left_ms, for people.',
  kafka_topic     LowCardinality(String) COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.',
  kafka_offset    UInt64 COMMENT 'Offset in that partition.'
)
AS SELECT participant, event, segment, entered_ms, left_ms, pane, readings, hr_count, hr_min, hr_max, hr_mean, hr_p05, hr_p25, hr_p50, hr_p75, hr_p95, cadence_mean, distance_m, steps, active_s, rest_s,
  fromUnixTimestamp64Milli(entered_ms, 'UTC') AS entered_at, fromUnixTimestamp64Milli(left_ms, 'UTC') AS left_at,
  kafka_topic, kafka_partition, kafka_offset
FROM (SELECT *, max(kafka_offset) OVER (PARTITION BY event, segment, participant) AS latest FROM segment_totals_log)
WHERE kafka_offset = latest
COMMENT 'One row for each participant and segment of the course, as its latest result has it.';

CREATE OR REPLACE VIEW event_windows
(
  event           LowCardinality(String) COMMENT 'The race, or whatever else was measured for.',
  size            LowCardinality(String) COMMENT 'Of the window: 1m.',
  start_ms        Int64 COMMENT 'Unix time in milliseconds of its begin.',
  end_ms          Int64 COMMENT 'Unix time in milliseconds of the first moment after it.',
  pane            LowCardinality(String) COMMENT 'early: the window was still open; on_time: its end had been reached; late: a reading came after that.',
  revision        Int32 COMMENT 'Results of the same window before this one.',
  participants    Int32 COMMENT 'Who had a reading in it that was not late.',
  readings        Int32 COMMENT 'Readings of it.',
  hr_count        Int32 COMMENT 'Readings with a heart rate that counts: implausible ones are left out.',
  hr_min          Nullable(Int32) COMMENT 'Lowest heart rate, beats a minute. NULL, as the other hr_ columns: none counted.',
  hr_max          Nullable(Int32) COMMENT 'Highest heart rate, beats a minute.',
  hr_mean         Nullable(Float64) COMMENT 'Mean of the heart rates, beats a minute.',
  hr_p05          Nullable(Float64) COMMENT '5 % of the heart rates are at most this; at most 1 % off, as all quantiles here.',
  hr_p25          Nullable(Float64) COMMENT '25 % of the heart rates are at most this.',
  hr_p50          Nullable(Float64) COMMENT 'Median of the heart rates.',
  hr_p75          Nullable(Float64) COMMENT '75 % of the heart rates are at most this.',
  hr_p95          Nullable(Float64) COMMENT '95 % of the heart rates are at most this.',
  cadence_mean    Nullable(Float64) COMMENT 'Mean cadence: steps, strokes or turns a minute. NULL: not measured.',
  distance_m      Float64 COMMENT 'Metres covered.',
  steps           Int64 COMMENT 'Steps made.',
  active_s        Float64 COMMENT 'Seconds of activity.',
  rest_s          Float64 COMMENT 'Seconds of rest. Time between readings too far apart is neither.',
  start_at        DateTime64(3, 'UTC') COMMENT 'start_ms, for people.',
  end_at          DateTime64(3, 'UTC') COMMENT 'end_ms, for people.',
  kafka_topic     LowCardinality(String) COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.',
  kafka_offset    UInt64 COMMENT 'Offset in that partition.'
)
AS SELECT event, size, start_ms, end_ms, pane, revision, participants, readings, hr_count, hr_min, hr_max, hr_mean, hr_p05, hr_p25, hr_p50, hr_p75, hr_p95, cadence_mean, distance_m, steps, active_s, rest_s,
  fromUnixTimestamp64Milli(start_ms, 'UTC') AS start_at, fromUnixTimestamp64Milli(end_ms, 'UTC') AS end_at,
  kafka_topic, kafka_partition, kafka_offset
FROM (SELECT *, max(kafka_offset) OVER (PARTITION BY event, size, start_ms) AS latest FROM event_windows_log)
WHERE kafka_offset = latest
COMMENT 'One row for each event and window of time, as its latest result has it: what the readings of all its participants come to.';

CREATE OR REPLACE VIEW late_readings
(
  participant     String COMMENT 'Who wears the device; in a race RACE/BIB.',
  event           LowCardinality(Nullable(String)) COMMENT 'The race, or whatever else was measured for. NULL: everyday life.',
  device          String COMMENT 'The device.',
  upload          Int64 COMMENT 'Id of the upload it came with, among the device''s.',
  ts_ms           Int64 COMMENT 'Unix time in milliseconds by the device''s clock.',
  missed          LowCardinality(String) COMMENT 'What it came too late for: a window''s size, active or rest (sessions); future: dated too far ahead, in no window at all.',
  ts_at           DateTime64(3, 'UTC') COMMENT 'ts_ms, for people.',
  kafka_topic     LowCardinality(String) COMMENT 'Kafka topic the row came from.',
  kafka_partition UInt32 COMMENT 'Kafka partition the row came from.',
  kafka_offset    UInt64 COMMENT 'Offset in that partition.'
)
AS SELECT participant, event, device, upload, ts_ms, missed,
  fromUnixTimestamp64Milli(ts_ms, 'UTC') AS ts_at,
  kafka_topic, kafka_partition, kafka_offset
FROM late_readings_log
COMMENT 'One row for each reading and window that it came too late for.';

CREATE OR REPLACE VIEW alerts
(
  id              String COMMENT 'The alert, one id for life: PARTICIPANT/KIND/SINCE.',
  participant     String COMMENT 'Who it is about, as in the uploads: an id that names nobody. In a race RACE/BIB.',
  event           LowCardinality(Nullable(String)) COMMENT 'The race or whatever else it was measured for. NULL: everyday life.',
  device          String COMMENT 'Whose readings show it.',
  kind            LowCardinality(String) COMMENT 'high_heart_rate, sudden_drop, stuck_sensor, spiking_sensor, cadence_lock, lost_signal or no_motion.',
  state           LowCardinality(String) COMMENT 'As it stands: raised, escalated, acknowledged or cleared.',
  since           DateTime64(3, 'UTC') COMMENT 'When it began, by the readings.',
  raised_at       DateTime64(3, 'UTC') COMMENT 'Time of the reading that raised it.',
  escalated_at    Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was escalated. NULL: never.',
  acknowledged_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When somebody took it on. NULL: nobody did.',
  acknowledged_by Nullable(String) COMMENT 'Who did: an id that names nobody.',
  acknowledged_note Nullable(String) COMMENT 'What they had to say about it.',
  cleared_at      Nullable(DateTime64(3, 'UTC')) COMMENT 'Time of the reading that ended it. NULL: it is open.',
  value           Nullable(Float64) COMMENT 'What was measured: beats or steps a minute, metres. NULL for a lost signal.',
  limit           Nullable(Float64) COMMENT 'What value is held against, in its unit.',
  reason          String COMMENT 'In words. Of a cleared one why it is over.',
  rules           Int32 COMMENT 'Version of the health rules that decided last. 0: those built in.',
  lat             Nullable(Float64) COMMENT 'Last known place, WGS 84 degrees.',
  lon             Nullable(Float64) COMMENT 'Last known place, WGS 84 degrees.',
  distance_m      Nullable(Float32) COMMENT 'How far the person had come, last known, in metres.',
  readings        Int32 COMMENT 'How many readings were looked at since it began.',
  evidence        Array(Tuple(tsMs Int64, hr Nullable(Int32), cadence Nullable(Int32), distanceM Nullable(Float32), lat Nullable(Float64), lon Nullable(Float64))) COMMENT 'Some of those readings, by time, the first and the last always.'
)
AS SELECT
  id, participant, event, device, kind, state,
  fromUnixTimestamp64Milli(since_ms, 'UTC') AS since,
  fromUnixTimestamp64Milli(raised_ms, 'UTC') AS raised_at,
  fromUnixTimestamp64Milli(escalated_ms, 'UTC') AS escalated_at,
  fromUnixTimestamp64Milli(acknowledged_ms, 'UTC') AS acknowledged_at,
  acknowledged_by, acknowledged_note,
  if(state = 'cleared', fromUnixTimestamp64Milli(at_ms, 'UTC'), NULL) AS cleared_at,
  value, limit, reason, rules, lat, lon, distance_m, readings, evidence
FROM
(
  SELECT
    *,
    max(kafka_offset) OVER (PARTITION BY participant, id) AS latest,
    assumeNotNull(max(if(state = 'raised', at_ms, NULL)) OVER (PARTITION BY participant, id)) AS raised_ms,
    max(if(state = 'escalated', at_ms, NULL)) OVER (PARTITION BY participant, id) AS escalated_ms
  FROM alerts_log
)
WHERE kafka_offset = latest
COMMENT 'One row for each alert, as it stands.';
