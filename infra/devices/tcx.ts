/** Garmin's Training Center XML: laps of track points. */
import type { Dialect } from "./xml-track.ts";

export const TCX: Dialect = {
  name: "TCX",
  root: "TrainingCenterDatabase",
  point: "Trackpoint",
  segment: "Track",
  time: "Time",
  fields: {
    "Position/LatitudeDegrees": "lat",
    "Position/LongitudeDegrees": "lon",
    "Trackpoint/AltitudeMeters": "altitudeM",
    "Trackpoint/DistanceMeters": "distanceM",
    "HeartRateBpm/Value": "hr",
    "Trackpoint/Cadence": "cadence",
    "TPX/RunCadence": "cadence",
  },
  attributes: {},
  sport: { element: "Activity", attribute: "Sport" },
  others: { Course: "a course to follow", Workout: "a workout to do" },
};
