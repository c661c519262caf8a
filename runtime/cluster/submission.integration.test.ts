import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import { ensureTopics } from "../kafka/admin.ts";
import { createProducer, type IdempotentProducer } from "../kafka/producer.ts";
import { collect } from "./node.fixture.ts";
import { type RuntimeNode, startNode } from "./node.ts";

const kafka = inject("kafka");
const Text = codecOf<string>("text", "string");
const folder = mkdtempSync(join(tmpdir(), "submitted-"));
const RUNTIME = JSON.stringify(join(import.meta.dirname, "../index.ts"));
let node: RuntimeNode;
let producer: IdempotentProducer;

/** A job that counts, and says so in words that an imported file gives. */
function write(words: string, { step = "count", before = "", file = "edited.ts" } = {}): void {
  writeFileSync(join(folder, "words.ts"), `export const WORDS: string = ${JSON.stringify(words)};`);
  writeFileSync(
    join(folder, file),
    `import { codecOf, job, topic, valueState } from ${RUNTIME};
     import { WORDS } from "./words.ts";
     ${before}
     const Text = codecOf<string>("text", "string");
     export default job("edited", (flow) => {
       flow.from(topic("edited-in", Text)).keyBy((text: string) => text).process("${step}", {
         emits: Text,
         state: { n: valueState(codecOf<number>("n", "int")) },
         process(_text: string, { state, emit }) {
           state.n.put((state.n.get() ?? 0) + 1);
           emit(WORDS + " " + state.n.get());
         },
       }).to(topic("edited-out", Text));
     });`,
  );
}

const start = () =>
  startNode({ kafka, registry: new Registry(), jobsTopic: "edited.jobs", root: folder, log: () => {} });
const said = async (count: number) =>
  (await collect(kafka, "edited-out", 2, Text, (all) => all.length >= count)).map((text) => text);
async function send(): Promise<void> {
  await producer.send("edited-in", 0, "k", Text.encode("k"), Date.now());
  await producer.flush();
}

beforeAll(async () => {
  await ensureTopics(kafka, [
    { topic: "edited-in", partitions: 2 },
    { topic: "edited-out", partitions: 2 },
  ]);
  producer = await createProducer(kafka, { clientId: "test" });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  node = await start();
});
afterAll(async () => {
  await node.stop();
  await producer.close();
  rmSync(folder, { recursive: true });
});

it("a job runs as it was submitted last, on its state; what cannot be submitted leaves it as it is", {
  timeout: 240_000,
}, async () => {
  write("first");
  await node.submit({ module: "edited.ts", parallelism: 1 });
  await send();
  expect(await said(1)).toEqual(["first 1"]);

  write("second");
  const [before] = await node.jobs();
  const after = await node.submit({ module: "edited.ts" });
  expect([after.state, after.parallelism]).toEqual(["running", 1]);
  expect(after.codeHash).not.toBe(before!.codeHash);
  await send();
  expect(await said(2)).toEqual(["first 1", "second 2"]);

  // The files on disk are something else by now, on this node and on one that starts anew.
  write("not submitted");
  await node.stop();
  node = await start();
  await send();
  expect(await said(3)).toEqual(["first 1", "second 2", "second 3"]);

  const [running] = await node.jobs();
  const refusals = {
    "a file that ends its process": [{ before: "process.exit(7);" }, {}, "JOB", /with code 7/],
    "a renamed step": [{ step: "tally" }, {}, "UPGRADE", /"count" is gone.*--drop-state count/],
    "another file of its name": [{ file: "other.ts" }, { module: "other.ts" }, "JOB_NAME_TAKEN", /--replace/],
    "another parallelism": [{}, { parallelism: 2 }, "RESCALE", /has 1 slots/],
    "a name to drop that is none": [{}, { dropState: ["tally"] }, "UPGRADE", /"tally"/],
    "a file outside": [{}, { module: "../other.ts" }, "MODULE_PATH", /project's folder/],
  } as const;
  for (const [what, [edit, submission, code, message]] of Object.entries(refusals)) {
    write("refused", edit);
    await expect(node.submit({ module: "edited.ts", ...submission }), what).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  }
  expect((await node.jobs())[0]).toEqual(running);
  await send();
  expect((await said(4)).at(-1)).toBe("second 4");

  write("third", { step: "tally", file: "other.ts" });
  await node.submit({ module: "other.ts", replace: true, dropState: ["count"] });
  await send();
  expect((await said(5)).at(-1)).toBe("third 1");
  // What was given up stays so, also for a step of its name.
  write("fourth");
  await node.submit({ module: "edited.ts", replace: true, dropState: ["tally"] });
  await send();
  expect((await said(6)).at(-1)).toBe("fourth 1");
});
