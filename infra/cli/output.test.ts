import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { clockOf, count, durationOf, openConsole, plain, table, toJson } from "./output.ts";

function stream(isTTY: boolean): NodeJS.WriteStream & { text: string } {
  const sink = new Writable({
    write(chunk, _encoding, done) {
      out.text += chunk;
      done();
    },
  });
  const out = Object.assign(sink, { text: "", isTTY, columns: 80 }) as unknown as NodeJS.WriteStream & {
    text: string;
  };
  return out;
}

test("columns are as wide as their widest cell", () => {
  expect(
    table(
      ["A", "LONG"],
      [
        ["1234", "x"],
        ["", "y"],
      ],
    ),
  ).toBe("A     LONG\n1234  x\n      y");
  expect(table(["A"], [])).toBe("A");
});

test("times and counts read as people write them", () => {
  expect(clockOf(31_503_999)).toBe("08:45:03");
  expect(clockOf(90_061_000)).toBe("25:01:01");
  expect([0, 89_000, 240_000, 4_800_000, 5_400_000].map(durationOf)).toEqual([
    "0 s",
    "89 s",
    "4 min",
    "80 min",
    "1 h 30 min",
  ]);
  expect([7, 999, 1000, 525_940, 1_234_567].map(count)).toEqual([
    "7",
    "999",
    "1 000",
    "525 940",
    "1 234 567",
  ]);
});

test("on a terminal a line that moves is replaced, and lines that stay go above it", () => {
  const out = stream(true);
  const terminal = openConsole(out);
  terminal.moving("one");
  terminal.moving("two");
  terminal.line("stays");
  terminal.settle();
  expect(out.text).toBe("\r\x1b[Kone\r\x1b[Ktwo\r\x1b[Kstays\ntwo\n");
});

test("without a terminal a line that moves is printed now and then", () => {
  const out = stream(false);
  let nowMs = 0;
  const terminal = openConsole(out, () => nowMs);
  for (; nowMs < 25_000; nowMs += 1000) terminal.moving(`at ${nowMs}`);
  terminal.settle();
  expect(out.text).toBe("at 0\nat 10000\nat 20000\n");
});

test("a console that nobody reads any more does not end the program", async () => {
  const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
  const terminal = openConsole(Object.assign(broken, { isTTY: false }) as unknown as NodeJS.WriteStream);
  terminal.line("Stopping");
  await new Promise(setImmediate); // an error that nobody hears is thrown by now
  expect(broken.destroyed).toBe(true);
});

const HOSTILE = "a\x1b]0;owned\x07b\x9b2Jc\u202egnp.exe\x7f\u{e0041}\ud800";

/** Of a text: its control characters, and one that turns text around. */
const obeyed = (text: string) =>
  [...text].filter((character) => /\p{Cc}|\u202e/u.test(character) && character !== "\n");

test("what a terminal would obey is shown as its number, in text, tables, lines and errors", () => {
  expect(plain(HOSTILE)).toBe("a\\x1b]0;owned\\x07b\\x9b2Jc\\u{202e}gnp.exe\\x7f\\u{e0041}\ufffd");
  const kept = "two\nlines\tand Zoë, 東京, می\u200cدوم, 🏃\u200d♀";
  expect(plain(kept)).toBe(kept);
  expect(table(["BIB", "B"], [["1\n2\r", "x"]])).toBe("BIB       B\n1\\n2\\x0d  x");
  for (const isTTY of [true, false]) {
    const out = stream(isTTY);
    const console = openConsole(out, () => 0);
    console.line(HOSTILE);
    console.moving(HOSTILE);
    // Nothing but our own: to the line's begin, and erase it.
    expect(obeyed(out.text.replaceAll("\r\x1b[K", ""))).toEqual([]);
  }
});

test("JSON holds the same values, and nothing that a terminal obeys", () => {
  const value = { bib: "a\x1b\x9b2J\u202e\u{e0041}\x7f", place: 1, none: null };
  expect(JSON.parse(toJson(value, 2))).toEqual(value);
  expect(obeyed(toJson(value))).toEqual([]);
});
