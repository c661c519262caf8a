/**
 * What texts of requests may hold: nothing that a terminal or a log would obey. No control characters, no halves of a character,
 * no turning of the reading direction.
 */
const NOT_PLAIN = "\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\u202a-\\u202e\\u2066-\\u2069";

/** Who or what somebody is: one line, nothing before or after it. For a schema's `pattern`. */
export const ONE_LINE = `^(?!\\s)[^${NOT_PLAIN}]+(?<!\\s)$`;
/** What somebody has to say: lines of text, maybe none. */
export const LINES = `^(?:[^${NOT_PLAIN}]|[\\r\\n\\t])*$`;
/** What they ask for, in words. */
export const TEXT_PATTERNS: Readonly<Record<string, string>> = {
  [ONE_LINE]: "one line of text that can be printed, with no blank before or after it",
  [LINES]: "text that can be printed",
};

const notPlain = new RegExp(`[${NOT_PLAIN}]`, "u");
const eachNotPlain = new RegExp(notPlain.source, "gu");

export const isPlain = (text: string): boolean => !notPlain.test(text);

/** What cannot be printed as `\uXXXX`. */
export const escaped = (text: string): string =>
  text.replace(eachNotPlain, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
