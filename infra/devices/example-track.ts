/** For tests: a recording made up, a point a second, three metres a second. */
import { type Track, TrackBuilder } from "./track.ts";

export function exampleTrack(seconds: number, startMs = 1_700_000_000_000): Track {
  const builder = new TrackBuilder("example.fit");
  for (let s = 0; s < seconds; s++) {
    builder.add({
      timeMs: startMs + s * 1000,
      hr: 120 + (s % 40),
      lat: 48 + s / 40_000,
      lon: 16,
      distanceM: s * 3,
      cadence: 160,
      altitudeM: 200,
    });
  }
  return builder.finish();
}
