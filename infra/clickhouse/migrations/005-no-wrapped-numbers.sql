-- A number that its column cannot hold is refused, not wrapped around: toInt32(1e30) is a number that nobody measured. The sink
-- sets the upload apart then, with the reason.

ALTER TABLE uploads_log
  MODIFY COLUMN lat_e7 DEFAULT arrayMap(r -> accurateCast(round(r.lat * 1e7), 'Nullable(Int32)'), readings),
  MODIFY COLUMN lon_e7 DEFAULT arrayMap(r -> accurateCast(round(r.lon * 1e7), 'Nullable(Int32)'), readings),
  MODIFY COLUMN distance_cm DEFAULT arrayMap(r -> accurateCast(floor(toFloat64(r.distanceM) * 100 + 0.5), 'Nullable(Int32)'), readings),
  MODIFY COLUMN altitude_cm DEFAULT arrayMap(r -> accurateCast(floor(toFloat64(r.altitudeM) * 100 + 0.5), 'Nullable(Int32)'), readings);
