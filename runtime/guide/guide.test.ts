import { globSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const here = new URL("./", import.meta.url);
const guide = readFileSync(new URL("../GUIDE.md", here), "utf8");
const samples = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1]!);
const jobs = new URL("../../jobs/", here);
const files = [
  ...globSync("*.ts", { cwd: here, exclude: ["guide.test.ts"] }).map((name) => new URL(name, here)),
  ...globSync("**/*.ts", { cwd: jobs }).map((name) => new URL(name, jobs)),
].map((file) => readFileSync(file, "utf8"));
/** Without indentation: a sample may stand further to the left than in its file. */
const flush = (text: string) => text.replaceAll(/^ +/gm, "");

it("every sample of the guide stands, as it is, in a file that is compiled and tested", () => {
  expect(samples.length).toBeGreaterThan(10);
  for (const sample of samples)
    expect(
      files.some((file) => flush(file).includes(flush(sample))),
      sample,
    ).toBe(true);
});
