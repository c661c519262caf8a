/** GPX 1.1, with what Garmin (`hr`, `cad`) and Cluetrust (`cadence`, `distance`) put into its extensions. */
import type { Dialect } from "./xml-track.ts";

export const GPX: Dialect = {
  name: "GPX",
  root: "gpx",
  point: "trkpt",
  time: "time",
  fields: {
    "trkpt/ele": "altitudeM",
    hr: "hr",
    cad: "cadence",
    cadence: "cadence",
    "extensions/distance": "distanceM",
  },
  attributes: { lat: "lat", lon: "lon" },
  sport: { element: "type" },
};
