/**
 * What somebody did, as files name it: words of many exporters, numbers of others. What matters is whether it was on foot: cadence
 * is then of one foot, and steps can be counted.
 */

export interface Sport {
  /** For people: `running`, `mountain biking`; empty: the file does not say. */
  readonly name: string;
  readonly onFoot: boolean;
}

/** Of a file that does not say: most recordings are of people who run. */
export const UNKNOWN_SPORT: Sport = { name: "", onFoot: true };

/** Strava writes its own numbers into `<type>` of a GPX file. */
const STRAVA: Readonly<Record<string, string>> = { 1: "cycling", 4: "hiking", 9: "running", 10: "walking" };
/** Looked for first: "trail biking" is none of the next. */
const NOT_ON_FOOT =
  /bik|cycl|velo|vélo|rad(?!om)|ride|ridin|reit|ski|snow|skat|row|ruder|kayak|kajak|canoe|paddl|swim|schwim|nage|natation|sail|surf|driv|auto|motor|fly|climb(?!.*run)|yoga|golf|wheelchair/i;
const ON_FOOT =
  /run|walk|hik|trail|jog|lauf|läuf|geh|wander|marche|course|courir|corr|carrera|camin|cors|trek|treadmill|marathon|generic|training|foot(?!ball)|orienteer|duathlon/i;

/** @param text a name or number, as it stands in the file */
export function sportOf(text: string): Sport {
  const name = (STRAVA[text.trim()] ?? text.trim()).toLowerCase().replaceAll("_", " ");
  if (name === "") return UNKNOWN_SPORT;
  return { name, onFoot: !NOT_ON_FOOT.test(name) && ON_FOOT.test(name) };
}
