/**
 * Times as exporters write them, to Unix milliseconds: ISO 8601, with a fraction or without, with a zone or without.
 *
 * Without a zone it is UTC, as GPX and TCX have all times: never the zone of the machine that reads the file.
 */

const TIME =
  /^(\d{4})-(\d{1,2})-(\d{1,2})[T ]+(\d{1,2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?\s*(Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?$/i;

export interface RecordedTime {
  /** NaN: it is no time. */
  readonly timeMs: number;
  readonly saysZone: boolean;
}

export function recordedTime(text: string): RecordedTime {
  const [whole, year, month, day, hour, minute, second, fraction = "", zone] = TIME.exec(text.trim()) ?? [];
  if (whole === undefined) return { timeMs: Number.NaN, saysZone: true };
  const ms = Math.trunc(Number(`0.${fraction || "0"}`) * 1000);
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [, m, d, h, min, s] = parts;
  const isTime = m >= 1 && m <= 12 && d >= 1 && d <= 31 && h <= 24 && min <= 59 && s <= 60;
  const utcMs = isTime ? Date.UTC(parts[0], m - 1, d, h, min, s, ms) : Number.NaN;
  return { timeMs: utcMs - offsetMs(zone), saysZone: zone !== undefined };
}

function offsetMs(zone: string | undefined): number {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
