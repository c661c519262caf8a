/** Times of day as people and programs write them. */

const CLOCK = /^(\d{1,2}):([0-5]\d):([0-5]\d)(?:\.(\d{1,3}))?$/;
/** A race may run past midnight, not for days. */
const HOURS_MAX = 48;

/**
 * Milliseconds since local midnight of `text`: seconds (a number, or digits), or `HH:MM:SS[.mmm]`, with hours of 24 and more
 * after midnight. Undefined for anything else.
 */
export function timeOfDayMs(value: number | string): number | undefined {
  const ms = typeof value === "number" ? Math.round(value * 1000) : parsed(value.trim());
  return ms !== undefined && ms >= 0 && ms < HOURS_MAX * 3_600_000 ? ms : undefined;
}

function parsed(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  const clock = CLOCK.exec(text);
  if (!clock) return undefined;
  const [, hours, minutes, seconds, fraction = ""] = clock;
  return (
    ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 + Number(fraction.padEnd(3, "0"))
  );
}

/** `HH:MM:SS`, with thousandths where there are any. */
export function clockText(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const parts = [Math.trunc(ms / 3_600_000), Math.trunc(ms / 60_000) % 60, Math.trunc(ms / 1000) % 60];
  const text = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return ms % 1000 === 0 ? text : `${text}.${String(ms % 1000).padStart(3, "0")}`;
}
