/** A value as text, in which -0, NaN and half surrogates are what they are. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_name, each) => {
    if (typeof each !== "number" || Number.isSafeInteger(each)) return Object.is(each, -0) ? "-0" : each;
    return Number.isFinite(each) ? each : String(each);
  });
}
