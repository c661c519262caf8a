/** What `pace device inspect` says to people. */
import type { Inspection, Refusal } from "../devices/inspect.ts";
import { count, durationOf } from "./output.ts";

const GAP_TOLD_S = 3_600;

export function describeInspection(inspection: Inspection | Refusal): string[] {
  if ("refused" in inspection) return [inspection.file, `  refused: ${inspection.refused}`];
  const { file, sport, readings, first, last, heartRate, distanceM, positions, gapMaxS, leftOut } =
    inspection;
  const { min, max } = heartRate;
  return [
    file,
    `  ${sport ?? "sport not said"}, ${count(readings)} readings from ${first} to ${last}`,
    `  heart rate: ${min === null ? "none" : `${count(heartRate.count)} readings, ${min} to ${max}`}`,
    `  distance: ${distanceM === null ? "none" : `${count(Math.round(distanceM))} m`}; ${count(positions)} positions`,
    ...(gapMaxS > GAP_TOLD_S ? [`  longest time without a reading: ${durationOf(gapMaxS * 1000)}`] : []),
    ...leftOut.map(
      ({ what, count: number, why }) =>
        `  ${what.startsWith("times without") ? "told" : "left out"}: ${count(number)} ${what}: ${why}`,
    ),
  ];
}
