import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { JobDefinition } from "../dsl/job.ts";
import { planJob } from "../graph/plan.ts";
import { importSubmitted } from "../worker/submitted-code.ts";
import { loadJob } from "./load-job.ts";

const folder = mkdtempSync(join(tmpdir(), "jobs-"));
const RUNTIME = join(import.meta.dirname, "../index.ts");
const file = (name: string, text: string) => writeFileSync(join(folder, name), text);
/** A job of one step, whose name comes from another file. */
const jobFile = (before = "") => `
  import { codecOf, job, topic } from ${JSON.stringify(RUNTIME)};
  import { STEP } from "./lib/step.ts";
  const Text = codecOf<string>("t", "string");
  ${before}
  export default job("sample", (flow) => {
    flow.from(topic("in", Text)).map(STEP, (t: string) => t).to(topic("out", Text));
  });`;
const stepFile = (step: string) => file("lib/step.ts", `export const STEP: string = "${step}";`);
writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
mkdirSync(join(folder, "lib"));
stepFile("first");
file("sample.ts", jobFile());

afterAll(() => rmSync(folder, { recursive: true }));

const namesOf = ({ stages }: Awaited<ReturnType<typeof loadJob>>) =>
  stages.flatMap(({ nodes }) => nodes.flatMap(({ name }) => name ?? []));

describe("a job that is loaded", () => {
  it("is what its files say now, those it imports too", async () => {
    const before = await loadJob(folder, "sample.ts");
    stepFile("second");
    const after = await loadJob(folder, "sample.ts");
    stepFile("first");
    const again = await loadJob(folder, "sample.ts");
    expect([before, after, again].map(namesOf)).toEqual([["first"], ["second"], ["first"]]);
    expect(after.code.hash).not.toBe(before.code.hash);
    expect(again.code.hash).toBe(before.code.hash);
  });

  it("brings its own files along, and none of the program's", async () => {
    const { code } = await loadJob(folder, "sample.ts");
    expect(code.files.map(({ path }) => path)).toEqual(["lib/step.ts", "sample.ts"]);
  });

  it("runs as it was submitted, whatever its files say by then, and each version beside the other", async () => {
    const stepIn = async (code: Awaited<ReturnType<typeof loadJob>>["code"]) => {
      const { default: definition } = (await importSubmitted(folder, code)) as { default: JobDefinition };
      return planJob(definition).stages[0]!.nodes.flatMap((node) => ("name" in node ? [node.name] : []));
    };
    const first = await loadJob(folder, "sample.ts");
    stepFile("second");
    const second = await loadJob(folder, "sample.ts");
    file("lib/step.ts", "this is no code");
    expect(await stepIn(first.code)).toEqual(["first"]);
    expect(await stepIn(second.code)).toEqual(["second"]);
    rmSync(join(folder, "lib/step.ts"));
    expect(await stepIn({ ...first.code, hash: "of-another-node" })).toEqual(["first"]);
    stepFile("first");
  });

  it("does not load a file that it did not when it was submitted", async () => {
    file("late.ts", "export const late = 1;");
    file("lazy.ts", `${jobFile()}\nexport const later = () => import("./late.ts");`);
    const { code } = await loadJob(folder, "lazy.ts");
    const { later } = (await importSubmitted(folder, code)) as { later: () => Promise<unknown> };
    await expect(later()).rejects.toThrow(/lazy.ts loads late.ts, which it did not when it was submitted/);
  });
});

describe("a module that cannot be a job is refused with the reason, and nobody is hurt:", () => {
  it.each([
    ["process.exit(7);", /bad.ts: ends the process that loads it, with code 7/],
    ['process.kill(process.pid, "SIGKILL");', /bad.ts: ends the process that loads it, by SIGKILL/],
    ["for (;;) {}", /bad.ts: is not loaded after 1 s: a loop without end/],
    ["await new Promise(() => setInterval(() => {}, 1000));", /bad.ts: is not loaded after 1 s/],
    ['throw new Error("no such thing");', /bad.ts: cannot be loaded: no such thing/],
    [
      'setImmediate(() => { throw new Error("in vain"); }); await new Promise(() => setInterval(() => {}, 1000));',
      /bad.ts: throws while it is loaded: in vain/,
    ],
    [
      "const hoard: unknown[] = []; for (;;) hoard.push(new Array(100_000).fill(0.5));",
      /bad.ts: takes more than 512 MB/,
    ],
    ['import "./nowhere.ts";', /bad.ts: cannot be loaded: .*nowhere.ts/],
    ['throw "a text";', /bad.ts: cannot be loaded: a text/],
  ])("%s", { timeout: 60_000 }, async (before, reason) => {
    file("bad.ts", jobFile(before));
    const isEndless = String(reason).includes("not loaded after 1 s");
    const deadlineMs = isEndless ? 1_000 : 50_000;
    await expect(loadJob(folder, "bad.ts", { deadlineMs })).rejects.toThrow(reason);
  });

  it("a module without a job", async () => {
    file("bad.ts", "export default 5;");
    await expect(loadJob(folder, "bad.ts")).rejects.toThrow(/default export is not made by job/);
  });

  it("a job with a mistake in it", async () => {
    file("bad.ts", jobFile().replace("map(STEP", 'map("Not A Name"'));
    await expect(loadJob(folder, "bad.ts")).rejects.toThrow(/"Not A Name"/);
  });
});

describe("only a file in the project's folder is loaded:", () => {
  const outside = mkdtempSync(join(tmpdir(), "elsewhere-"));
  writeFileSync(join(outside, "theirs.ts"), "export default 1;");
  symlinkSync(join(outside, "theirs.ts"), join(folder, "linked.ts"));
  symlinkSync(outside, join(folder, "linked-folder"));
  symlinkSync(join(folder, "sample.ts"), join(folder, "alias.ts"));
  file("data.json", "{}");
  mkdirSync(join(folder, "folder.ts"));
  afterAll(() => rmSync(outside, { recursive: true }));

  it.each([
    "../elsewhere.ts",
    "lib/../../elsewhere.ts",
    join(outside, "theirs.ts"),
    join(folder, "sample.ts"),
    "linked.ts",
    "linked-folder/theirs.ts",
    "missing.ts",
    "data.json",
    "folder.ts",
    "lib",
    "sample.ts\0.ts",
    "",
    "/dev/zero",
    "file:///etc/passwd",
    "https://example.org/job.ts",
  ])("not %j", async (module) => {
    await expect(loadJob(folder, module)).rejects.toMatchObject({ code: "MODULE_PATH" });
  });
  it("a link to such a file is that file", async () => {
    expect((await loadJob(folder, "alias.ts")).code.module).toBe("sample.ts");
  });
});
