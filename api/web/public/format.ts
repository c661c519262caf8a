/**
 * Times, paces, places and names as people read them. Pure: numbers in, text out.
 * Durations are seconds, distances metres, times of day seconds since local midnight (past 86 400 after midnight).
 */

/** A dash where there is no value yet; screen readers skip it, the cell's heading says enough. */
export const NOTHING = "–";

const NARROW_SPACE = "\u202f";
const MINUS = "\u2212";

/**
 * A time as it is shown: up to the next whole second, as on the road (World Athletics, Technical Rules, 19.24.4). What is less than
 * a millisecond more is the computer's.
 */
const shownS = (seconds: number): number => Math.ceil(Math.round(seconds * 1000) / 1000);

/** `2:03:11`, `14:02`, `0:42`: hours only where there are any. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NOTHING;
  return written(Math.sign(seconds) * shownS(Math.abs(seconds)));
}

function written(seconds: number): string {
  const total = Math.abs(seconds);
  const sign = seconds < 0 && total > 0 ? MINUS : "";
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  const rest = two(total % 60);
  return hours > 0 ? `${sign}${hours}:${two(minutes)}:${rest}` : `${sign}${minutes}:${rest}`;
}

/**
 * `+1:07`; `−0:04` for who was faster at the same mat.
 * @param time whose gap it is: then it is what the times that are shown differ by, and who is shown with one time has none.
 */
export function gap(seconds: number | null | undefined, time?: number | null): string {
  if (seconds === null || seconds === undefined) return NOTHING;
  if (time === null || time === undefined) return seconds < 0 ? duration(seconds) : `+${duration(seconds)}`;
  const shown = shownS(time) - shownS(time - seconds);
  return shown < 0 ? written(shown) : `+${written(shown)}`;
}

/** `4:52`: minutes and seconds a kilometre, to the nearest second: it is no time of anybody. */
export function pace(secondsPerKm: number | null | undefined): string {
  if (secondsPerKm === null || secondsPerKm === undefined) return NOTHING;
  return written(Math.round(secondsPerKm));
}

/** `10:31:05`, and `00:12:40 +1` after midnight; as a clock shows it, which has not come to the next second yet. */
export function timeOfDay(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NOTHING;
  const total = Math.floor(seconds);
  const days = Math.floor(total / 86_400);
  const ofDay = total - days * 86_400;
  const text = `${two(Math.floor(ofDay / 3600))}:${two(Math.floor((ofDay % 3600) / 60))}:${two(ofDay % 60)}`;
  return days > 0 ? `${text} +${days}` : text;
}

/** `47 999`, with a space that does not break. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/** `1st`, `22nd`, `5 301st`. */
export function ordinal(value: number): string {
  const tens = value % 100;
  const suffix = tens >= 11 && tens <= 13 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return count(value) + suffix;
}

/** `214th of 5 301`; a dash without a place. */
export function placeOf(place: number | null | undefined, passed: number | undefined): string {
  if (place === null || place === undefined) return NOTHING;
  return passed === undefined ? ordinal(place) : `${ordinal(place)} of ${count(passed)}`;
}

/** `21.1 km`, `5 km`. */
export function kilometres(metres: number): string {
  return `${Number((metres / 1000).toFixed(1))} km`;
}

/** `Start`, `25k`, `Half`, `Finish`: a mat's id as a heading. */
export function matName(id: string): string {
  return id.charAt(0).toUpperCase() + id.slice(1);
}

const GENDERS: Record<string, string> = { F: "Women", M: "Men", X: "Nonbinary" };

export function genderName(gender: string): string {
  return GENDERS[gender] ?? gender;
}

/** `Women 40-44` from `F 40-44`. */
export function divisionName(division: string): string {
  const space = division.indexOf(" ");
  if (space < 0) return division;
  return `${genderName(division.slice(0, space))} ${division.slice(space + 1)}`;
}

/** `8 October 2023` from `2023-10-08`. */
export function longDate(date: string): string {
  const parsed = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(parsed.getTime())) return date;
  return parsed.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "long",
    year: "numeric",
    timeZone: "UTC",
  });
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
