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
/** Without layout: a sample stands further to the left than in its file, where its lines are broken elsewhere. */
const flush = (text: string) => text.replaceAll(/\s+/g, "").replaceAll(/,(?=[)\]}]|$)/g, "");

it("every sample of the guide stands, as it is, in a file that is compiled and tested", () => {
  expect(samples.length).toBeGreaterThan(10);
  for (const sample of samples)
    expect(
      files.some((file) => flush(file).includes(flush(sample))),
      sample,
    ).toBe(true);
});
