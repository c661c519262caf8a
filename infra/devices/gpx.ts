/** GPX 1.1, with what Garmin (`hr`, `cad`) and Cluetrust (`cadence`, `distance`) put into its extensions. */
import type { Dialect } from "./xml-track.ts";

export const GPX: Dialect = {
  name: "GPX",
  root: "gpx",
  point: "trkpt",
  segment: "trkseg",
  time: "time",
  fields: {
    "trkpt/ele": "altitudeM",
    hr: "hr",
    heartrate: "hr",
    cad: "cadence",
    cadence: "cadence",
    "extensions/distance": "distanceM",
  },
  attributes: { lat: "lat", lon: "lon" },
  sport: { parent: "trk", element: "type" },
  others: { rte: "a route to follow", wpt: "a list of places" },
};
