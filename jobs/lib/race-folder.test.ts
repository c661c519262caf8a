import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Race } from "../../schemas/index.ts";
import { type LineProblem, openRaceFolder } from "./race-folder.ts";
import { LIMITS, textLines } from "./text-lines.ts";

const RACE = {
  id: "r",
  gunTimeS: 36_000.5,
  mats: [
    { id: "start", distanceM: 0 },
    { id: "finish", distanceM: 10_000 },
  ],
};

let folder: string;
let problems: LineProblem[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "race-folder-"));
  problems = [];
  await put("race.json", JSON.stringify(RACE));
  await put("startlist.csv", "bib,gender,division,country\n1,f,40-44,NOR\n");
  await put("passings.csv", "bib,mat,timeS,receivedS\n1,start,36001,36002\n");
});
afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, content: string | Buffer) => writeFile(join(folder, name), content);
const open = () => openRaceFolder(folder, (problem) => problems.push(problem));
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
const said = () => problems.map(({ file, line, column, problem }) => `${file}:${line} ${column} ${problem}`);

test("a folder becomes a race, entrants and messages, in integer milliseconds", async () => {
  await put("startlist.csv", '\uFEFFcountry,bib,"gender"\r\n"NOR",1,f\r\n\r\n"a ""b"", c", 2 ,M\r\n');
  await put(
    "passings.csv",
    "receivedS,mat,bib,timeS,note\n36002.25,start,1,36001.0004,x\n90000,finish,1,86400.5,\n",
  );
  const { race, entrants, messages, hasResults } = await open();
  expect(race).toMatchObject({
    id: "r",
    name: "r",
    gunMs: 36_000_500,
    rankBy: "net",
    distanceM: 10_000,
    timezone: "UTC",
    overdueAfterMs: 1_800_000,
  });
  expect(await all(entrants())).toEqual([
    { race: "r", bib: "1", gender: "F", division: "", country: "NOR" },
    { race: "r", bib: "2", gender: "M", division: "", country: 'a "b", c' },
  ]);
  expect(await all(messages())).toEqual([
    { race: "r", receivedMs: 36_002_250, read: { id: "2", bib: "1", mat: "start", timeMs: 36_001_000 } },
    { race: "r", receivedMs: 90_000_000, read: { id: "3", bib: "1", mat: "finish", timeMs: 86_400_500 } },
  ]);
  expect(hasResults).toBe(false);
  // Once, however often the file is read.
  expect(await all(messages())).toHaveLength(2);
  expect(said()).toEqual(["passings.csv:1 note is not known here, and nothing is made of it"]);
});

describe("a table is read whatever program wrote it:", () => {
  const startlist = ["Bib,Gender,division,COUNTRY", "1,f,40-44,Österreich", "2,M,,NOR"];
  const passings = ["bib,mat,time_s,receivedS", "1,start,36001.5,36002", "2,start,10:00:03,10:00:04.25"];
  const text = (lines: readonly string[], end = "\n") => lines.join(end) + end;
  const cases: readonly [string, (lines: readonly string[]) => string | Buffer][] = [
    ["LF", (lines) => text(lines)],
    ["no line end at the end", (lines) => lines.join("\n")],
    ["CRLF", (lines) => text(lines, "\r\n")],
    ["CR alone", (lines) => text(lines, "\r")],
    ["semicolons and decimal commas", (lines) => text(lines).replaceAll(",", ";").replace("1.5", "1,5")],
    ["tabs", (lines) => text(lines).replaceAll(",", "\t")],
    ["UTF-8 with its mark", (lines) => `\uFEFF${text(lines)}`],
    ["UTF-16", (lines) => Buffer.from(`\uFEFF${text(lines)}`, "utf16le")],
    ["UTF-16 without its mark", (lines) => Buffer.from(text(lines), "utf16le")],
    ["UTF-16 the other way round", (lines) => Buffer.from(`\uFEFF${text(lines)}`, "utf16le").swap16()],
    ["Windows-1252", (lines) => Buffer.from(text(lines), "latin1")],
    ["quotes", (lines) => text(lines.map((line) => `"${line.replaceAll(",", '","')}"`))],
  ];
  test.each(cases)("%s", async (_, write) => {
    await put("startlist.csv", write(startlist));
    await put("passings.csv", write(passings));
    const { entrants, messages } = await open();
    expect(await all(entrants())).toEqual([
      { race: "r", bib: "1", gender: "F", division: "40-44", country: "Österreich" },
      { race: "r", bib: "2", gender: "M", division: "", country: "NOR" },
    ]);
    expect(
      (await all(messages())).map(({ receivedMs, read }) => [read!.id, read!.timeMs, receivedMs]),
    ).toEqual([
      ["2", 36_001_500, 36_002_000],
      ["3", 36_003_000, 36_004_250],
    ]);
    expect(said()).toEqual([]);
  });

  test("a line whose decimal comma separates is set apart, not read without it", async () => {
    await put("passings.csv", "bib,mat,timeS,receivedS\n1,start,36001,5,36002\n1,start,36001,36002,\n");
    expect(await all((await open()).messages())).toHaveLength(1);
    expect(said()).toEqual([
      "passings.csv:2  has 5 columns, the first line names 4: put what holds the separator in quotes",
    ]);
  });

  test("a time of day from long before the gun is of the day after", async () => {
    await put("race.json", JSON.stringify({ ...RACE, gunTimeS: 20 * 3600 }));
    await put("passings.csv", "bib,mat,timeS\n1,start,19:59:58\n1,finish,00:12:33\n");
    expect((await all((await open()).messages())).map(({ read }) => read!.timeMs / 1000)).toEqual([
      71_998, 87_153,
    ]);
  });
});

test("fields of race.json that are not known are told by name, once", async () => {
  const [start, finish] = RACE.mats;
  const mats = [{ ...start, distanceKm: 0 }, finish];
  await put("race.json", `\uFEFF${JSON.stringify({ ...RACE, timeZone: "Europe/Vienna", mats })}`);
  expect((await open()).race.timezone).toBe("UTC");
  expect(said()).toEqual([
    "race.json:1 timeZone, mats[0].distanceKm is not known here, and nothing is made of it",
  ]);
});

test("which read counts at a mat, and when the start is open, are settings of the race", async () => {
  const [start, finish] = RACE.mats;
  const mats = [{ ...start, counts: "first" }, finish];
  await put("race.json", JSON.stringify({ ...RACE, mats, startOpensS: 60, startClosesS: 600 }));
  const { race } = await open();
  expect(race).toMatchObject({ startOpensMs: 60_000, startClosesMs: 600_000 });
  expect(race.mats).toEqual([{ ...start, counts: "first" }, finish]);
  expect(Race.decode(Race.encode(race))).toMatchObject({ id: "r", startOpensMs: 60_000 });
});

describe("what never ends, or is no file, is refused in bounded memory:", () => {
  const lines = async (path: string, limits?: typeof LIMITS) => {
    let count = 0;
    for await (const batch of textLines(path, limits)) count += batch.length;
    return count;
  };
  test("a pipe, a device, a folder", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.csv")]);
    await expect(lines(join(folder, "pipe.csv"))).rejects.toThrow(/is no plain file/);
    await expect(lines("/dev/zero")).rejects.toThrow(/is no plain file/);
    await rm(join(folder, "passings.csv"));
    await symlink("/dev/zero", join(folder, "passings.csv"));
    await expect(open()).rejects.toThrow(/passings.csv: is no plain file/);
    await rm(join(folder, "race.json"));
    execFileSync("mkfifo", [join(folder, "race.json")]);
    await expect(open()).rejects.toThrow(/race.json: cannot be read .is no plain file/);
  });
  test("a file larger than any race, packed or not", async () => {
    await truncate(join(folder, "passings.csv"), 3 * 2 ** 30);
    await expect(open()).rejects.toThrow(/passings.csv: has 3221225472 bytes, more than 1073741824/);
    await put("bomb.csv.gz", gzipSync(`${"1,start,36001\n".repeat(100_000)}`));
    const bomb = join(folder, "bomb.csv.gz");
    await expect(lines(bomb, { ...LIMITS, bytes: 500_000 })).rejects.toThrow(
      /line \d+: by here it holds more than 500000 bytes/,
    );
    await expect(lines(bomb, { ...LIMITS, lines: 1_000 })).rejects.toThrow(/more than 1000 lines/);
    await put("zeros.csv.gz", gzipSync(Buffer.alloc(4_000_000, 48)));
    await expect(lines(join(folder, "zeros.csv.gz"))).rejects.toThrow(/line 1 has over 1000000 characters/);
  });
});

test("gzipped files are the same files", async () => {
  await rm(join(folder, "passings.csv"));
  await put("passings.csv.gz", gzipSync("bib,mat,timeS\n1,start,36001\n"));
  const { messages } = await open();
  expect((await all(messages())).map(({ receivedMs }) => receivedMs)).toEqual([36_001_000]);
});

test("lines that cannot be read are set apart, and the file goes on", async () => {
  await put("startlist.csv", "bib,gender\n1,F\n,F\n1,M\n");
  await put(
    "passings.csv",
    'bib,mat,timeS,receivedS\n1,start,abc,36002\n1,start\n,start,36001,36002\n1,,36001,36002\n1,start,1e999,5\n1,start,36001,NaN\n1,"sta"rt,36001,36002\n1,start,99999999999,5\n1,start,0x10,5\n1,start,36001,\n2,nowhere,36003,36004',
  );
  const { entrants, messages } = await open();
  expect((await all(entrants())).length).toBe(1);
  expect((await all(messages())).map(({ read }) => read!.id)).toEqual(["11", "12"]);
  const time =
    "is not a time: give seconds since local midnight, such as 27001 or 27001.25, or the time of day, such as 07:30:01";
  expect(said()).toEqual([
    "startlist.csv:3 bib is empty: every entrant needs one",
    "startlist.csv:4 bib 1 was on the list already: its first line stays",
    `passings.csv:2 timeS ${time}`,
    "passings.csv:3  has 2 columns, 3 are needed (bib, mat, timeS)",
    "passings.csv:4 bib is empty: whose read is it?",
    "passings.csv:5 mat is empty: where was it read?",
    `passings.csv:6 timeS ${time}`,
    `passings.csv:7 receivedS ${time}`,
    "passings.csv:8  the quotes do not match",
    `passings.csv:9 timeS ${time}`,
    `passings.csv:10 timeS ${time}`,
  ]);
});

describe("a folder that is no race is refused, naming the place and the remedy:", () => {
  const refusal = async () => {
    try {
      const { entrants, messages } = await open();
      await all(entrants());
      await all(messages());
    } catch (error) {
      return (error as Error).message.replace(folder, "F");
    }
    return "none";
  };
  test.each([
    ["no JSON", "{", /F\/race.json: is not JSON/],
    ["no mats", JSON.stringify({ ...RACE, mats: [] }), /race.json: mats: must be a list of two or more/],
    ["a gun of no day", JSON.stringify({ ...RACE, gunTimeS: 1e300 }), /gunTimeS: 1e\+300 must be seconds/],
    [
      "a name of 2 MB",
      JSON.stringify({ ...RACE, name: "n".repeat(2 << 20) }),
      /race.json: .*more than 1048576/,
    ],
    ["a long name", JSON.stringify({ ...RACE, name: "n".repeat(300) }), /name: has 300 characters/],
    [
      "a course round the world",
      JSON.stringify({ ...RACE, distanceM: 1e12 }),
      /distanceM: 1000000000000 must be metres/,
    ],
    [
      "a rule nobody knows",
      JSON.stringify({ ...RACE, mats: [{ ...RACE.mats[0], counts: "fastest" }, RACE.mats[1]] }),
      /mats\[0\].counts: "fastest" must be one of first, last, best/,
    ],
    ["no gun", JSON.stringify({ ...RACE, gunTimeS: "ten" }), /gunTimeS: must be a number/],
    [
      "mats out of order",
      JSON.stringify({ ...RACE, mats: [...RACE.mats, { id: "x", distanceM: 5 }] }),
      /mats\[2\].distanceM: 5 must be more/,
    ],
    [
      "a mat twice",
      JSON.stringify({ ...RACE, mats: [...RACE.mats, { id: "start", distanceM: 11_000 }] }),
      /"start" is there twice/,
    ],
    [
      "no start",
      JSON.stringify({
        ...RACE,
        mats: [
          { id: "a", distanceM: 1 },
          { id: "b", distanceM: 2 },
        ],
      }),
      /mats\[0\].distanceM: the first mat is the start/,
    ],
    ["an id with a slash", JSON.stringify({ ...RACE, id: "a/b" }), /id: "a\/b" must be letters/],
    ["a zone nobody knows", JSON.stringify({ ...RACE, timezone: "Mars" }), /timezone: "Mars" is not known/],
    ["no day", JSON.stringify({ ...RACE, date: "2023-02-31" }), /date: "2023-02-31" is no day/],
  ])("%s", async (_, json, message) => {
    await put("race.json", json);
    expect(await refusal()).toMatch(message);
  });
  test("a column missing", async () => {
    await put("passings.csv", "bib;mat;time\n1;start;1\n");
    expect(await refusal()).toMatch(
      /passings.csv: line 1 has no column timeS; it must name bib,mat,timeS,receivedS, but reads: bib;mat/,
    );
  });
  test("an empty file, a missing file, a truncated one, a missing folder", async () => {
    await put("passings.csv", "");
    expect(await refusal()).toMatch(/passings.csv: is empty/);
    await rm(join(folder, "passings.csv"));
    expect(await refusal()).toMatch(/no passings.csv \(or .csv.gz\)/);
    await put("passings.csv.gz", gzipSync("bib,mat,timeS\n1,start,36001\n").subarray(0, 30));
    expect(await refusal()).toMatch(/passings.csv.gz: cannot be read to its end: unexpected end of file/);
    await expect(openRaceFolder(join(folder, "x"), () => {})).rejects.toThrow(/no such folder/);
  });
});
