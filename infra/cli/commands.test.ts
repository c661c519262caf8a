/** Commands as people run them, against the API with a job that is played. */
import { spawn } from "node:child_process";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ApiApp, createApp } from "../../api/server.ts";
import { MemoryLog } from "../../api/testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "../../api/testing/sample-race.ts";
import { silentLog } from "../../api/testing/silent-log.ts";
import type { Problem } from "../../runtime/health.ts";
import type { Correction } from "../../schemas/index.ts";

const log = new MemoryLog().createTopics();
let api: ApiApp;
let url: string;
let sent: Correction[];
/** What the job says; undefined: nothing. */
let refusal: string | undefined;
let problems: readonly Problem[] = [];

beforeAll(async () => {
  log.race(SAMPLE);
  log.entrants(entrant("1"), entrant("2"));
  for (const [bib, netS] of [
    ["1", 2500],
    ["2", 2600],
  ] as const)
    log.standings(standing(bib, "start", 0, { gunS: 0 }), standing(bib, "10k", netS, { gunS: netS }));
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    corrections: {
      async send(correction) {
        sent.push(correction);
        if (refusal === undefined) return;
        const { race, id, bib, kind, read, mat, timeMs, reason, enteredMs } = correction;
        const timeS = timeMs === null ? null : timeMs / 1000;
        const about = { race, id, bib, kind, read: read ?? "", mat: mat ?? "", timeS, reason, enteredMs };
        log.outcomes({ ...about, applied: refusal === "", refusal });
      },
    },
    jobs: {
      list: async () => [],
      submit: () => Promise.reject(new Error("none")),
      cancel: async () => undefined,
    },
    problems: () => problems,
    correctionWaits: { decisionMs: 2_000, boardMs: 50 },
  });
  url = await api.app.listen({ host: "127.0.0.1", port: 0 });
  await api.follower.ready;
});

beforeEach(() => {
  sent = [];
  refusal = "";
});

afterAll(() => api.app.close());

const correct = (...args: string[]) => pace("correct", ...args, "--reason", "video");

async function pace(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "infra/cli/pace.ts", ...args, "--api", url],
    { env: { ...process.env, PACE_CONTROL_TOKEN: "" } },
  );
  let [out, err] = ["", ""];
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    err += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out, err };
}

describe("pace correct", () => {
  test("says that a correction applied", async () => {
    const { code, out } = await correct("void", "sample", "2", "--mat", "10k");
    expect([code, out]).toEqual([0, expect.stringMatching(/^Applied: correction .+ of sample, bib 2\./)]);
    expect(sent).toMatchObject([{ bib: "2", kind: "void", reason: "video" }]);
  });

  test("says why one was refused, and fails", async () => {
    refusal = "the runner has no read r7";
    const { code, out } = await correct("void", "sample", "2", "--mat", "10k", "--read", "r7");
    expect([code, out]).toEqual([1, expect.stringContaining("the runner has no read r7")]);
  });

  test("fails for a bib that nobody has, and sends nothing", async () => {
    const { code, err } = await correct("disqualify", "sample", "999");
    expect([code, err]).toEqual([1, expect.stringContaining('no runner with bib "999"')]);
    expect(sent).toEqual([]);
  });

  test("says that it is not known yet, with an exit code of its own", async () => {
    refusal = undefined;
    const { code, out } = await correct("disqualify", "sample", "1", "--id", "late");
    expect([code, out]).toEqual([3, expect.stringContaining("not decided yet")]);
  });

  test("says what would change and sends nothing: when asked for it, and where something is strange", async () => {
    const dry = await correct("disqualify", "sample", "1", "--dry-run");
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining("status: running becomes dsq")]);
    const typo = ["change", "sample", "2", "--mat", "10k", "--time", "10:04:00"];
    const strange = await correct(...typo);
    expect([strange.code, strange.out]).toEqual([
      1,
      expect.stringContaining("but: with 10:04:00 the runner would lead at 10k"),
    ]);
    expect(sent).toEqual([]);
    expect((await correct(...typo, "--force")).code).toBe(0);
    expect(sent.length).toBe(1);
  });
});

test("pace status says what is stuck, and why", async () => {
  expect((await pace("status")).out).not.toContain("not well");
  problems = [
    { part: "sink", code: "no-progress", message: "the batch of standings is refused", sinceMs: 1 },
  ];
  const { code, out } = await pace("status");
  problems = [];
  expect([code, out]).toEqual([
    0,
    expect.stringContaining("not well:\n  sink: the batch of standings is refused"),
  ]);
});
