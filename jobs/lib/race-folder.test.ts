import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LineProblem, openRaceFolder } from "./race-folder.ts";

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
  expect(problems).toEqual([]);
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
  const time = "is not a time: give seconds since local midnight, such as 27001 or 27001.25";
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
    await put("passings.csv", "bib;mat;timeS\n1;start;1\n");
    expect(await refusal()).toMatch(
      /passings.csv: line 1 has no column bib, mat, timeS; it must name bib,mat,timeS,receivedS, separated by commas, but reads: bib;mat/,
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
