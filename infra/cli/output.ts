/**
 * What commands print.
 *
 * O1  With --json, standard output holds JSON and nothing else; what is told on the way goes to standard error.
 * O2  Bibs, keys, reasons, names of files: what others wrote may hold what a terminal obeys (move, colour, answer, turn text
 *     around). None of it leaves here: it is shown as its number. Only our own moving line is moved.
 */

/**
 * What terminals obey: all control characters but tab and newline; and those of Unicode that turn text around or hide in it, but
 * for the two that scripts are written with.
 */
const OBEYED = /(?![\t\n\u200c\u200d])[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Text to be shown, lines and all (O2): an escape becomes `\x1b`. */
export function plain(text: string): string {
  return text.toWellFormed().replace(OBEYED, (character) => {
    const code = character.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Text to be shown within a line. */
export function plainLine(text: string): string {
  return plain(text).replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

/** JSON escapes some of them only; written as `\u009b` they stay the same value (O2). */
export function toJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? "null";
  return text.replace(OBEYED, (character) =>
    Array.from({ length: character.length }, (_, i) => {
      const unit = character.charCodeAt(i).toString(16).padStart(4, "0");
      return `\\u${unit}`;
    }).join(""),
  );
}

/** Rows as aligned columns under their names. */
export function table(columns: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(plainLine));
  const widths = columns.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd();
  return [line(columns), ...rows.map(line)].join("\n");
}

/** Prints `value` as JSON, or as `text` says it. */
export function print(json: boolean | undefined, value: unknown, text: () => string): void {
  console.log(json ? toJson(value, 2) : plain(text()));
}

/** A console that people watch: lines that stay, and on a terminal one that moves. */
export interface Console {
  line(text: string): void;
  /** Replaces the moving line; where there is no terminal, prints it now and then. */
  moving(text: string): void;
  /** Ends the moving line where it stands. */
  settle(): void;
}

/** Without a terminal, a moving line is printed this often. */
const SPARSE_MS = 10_000;

export function openConsole(stream: NodeJS.WriteStream, nowMs: () => number = Date.now): Console {
  // Nobody reads any more (a closed terminal, a pipe whose reader died): that must not keep the program from ending in order.
  stream.on("error", () => undefined);
  let moving = "";
  let printedMs = Number.NEGATIVE_INFINITY;
  const erase = () => moving && stream.write("\r\x1b[K");
  return {
    line(text) {
      erase();
      stream.write(`${plain(text)}\n`);
      if (moving) stream.write(moving);
    },
    moving(said) {
      const text = plainLine(said);
      if (stream.isTTY) {
        const cut = text.slice(0, Math.max(20, (stream.columns || 80) - 1));
        stream.write(`\r\x1b[K${cut}`);
        moving = cut;
      } else if (nowMs() - printedMs >= SPARSE_MS) {
        printedMs = nowMs();
        stream.write(`${text}\n`);
      }
    },
    settle() {
      if (moving) stream.write("\n");
      moving = "";
    },
  };
}

/** 31 503 000 ms of a day: `08:45:03`; past midnight it counts on. */
export function clockOf(dayMs: number): string {
  const s = Math.floor(Math.abs(dayMs) / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${dayMs < 0 ? "-" : ""}${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** `1 h 20 min`, `4 min`, `12 s` */
export function durationOf(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 90) return `${s} s`;
  const min = Math.round(s / 60);
  return min < 90 ? `${min} min` : `${Math.floor(min / 60)} h ${min % 60} min`;
}

/** 525940: `525 940`, as everywhere in the product. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}
