/** Officials' corrections: what is said before one is sent, and what became of it. */
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Correction, CorrectionOutcome } from "../../schemas/index.ts";
import { type ApiApp, createApp } from "../server.ts";
import { MemoryLog } from "../testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "../testing/sample-race.ts";
import { silentLog } from "../testing/silent-log.ts";

const PATH = "/v1/races/sample/corrections";

let log: MemoryLog;
let api: ApiApp;
let sent: Correction[];
/** What the job says, and does, to a correction; undefined: nothing yet. */
let job: (correction: Correction) => Pick<CorrectionOutcome, "applied" | "refusal"> | undefined;

function outcomeOf(
  { race, id, bib, kind, read, mat, timeMs, reason, enteredMs }: Correction,
  said: Pick<CorrectionOutcome, "applied" | "refusal">,
): CorrectionOutcome {
  const timeS = timeMs === null ? null : timeMs / 1000;
  return { race, id, bib, kind, read: read ?? "", mat: mat ?? "", timeS, reason, enteredMs, ...said };
}

beforeEach(async () => {
  log = new MemoryLog().createTopics();
  sent = [];
  job = () => ({ applied: true, refusal: "" });
  log.race(SAMPLE);
  log.entrants(entrant("1"), entrant("2"), entrant("3"), entrant("4"));
  for (const [bib, netS] of [
    ["1", 2500],
    ["2", 2600],
    ["3", 2700],
  ] as const)
    log.standings(standing(bib, "start", 0, { gunS: 0 }), standing(bib, "10k", netS, { gunS: netS }));
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    corrections: {
      async send(correction) {
        sent.push(correction);
        const said = job(correction);
        if (said) log.outcomes(outcomeOf(correction, said));
      },
    },
    correctionWaits: { decisionMs: 5_000, boardMs: 5_000 },
  });
  await api.app.ready();
  await api.follower.ready;
});

afterEach(() => api.app.close());

async function post(body: object, path = PATH) {
  const headers = { "content-type": "application/json" };
  const response = await api.app.inject({
    method: "POST",
    url: path,
    headers,
    payload: JSON.stringify(body),
  });
  return { status: response.statusCode, body: response.json() };
}

describe("a correction", () => {
  test("that is applied is answered with what changed", async () => {
    job = () => {
      log.standings(standing("2", "10k", 2400, { gunS: 2400 }));
      return { applied: true, refusal: "" };
    };
    expect(await post({ bib: "2", kind: "change", mat: "10k", time: "10:40:00", id: "a" })).toEqual({
      status: 200,
      body: {
        id: "a",
        outcome: "applied",
        refusal: "",
        changes: [
          { what: "time", mat: "10k", from: "10:43:20", to: "10:40:00" },
          { what: "place", mat: "10k", from: "2", to: "1" },
        ],
      },
    });
  });

  test("that the job refuses is answered with why", async () => {
    job = () => ({ applied: false, refusal: "no read counts at 10k" });
    expect(await post({ bib: "4", kind: "void", mat: "10k" })).toMatchObject({
      status: 200,
      body: { outcome: "refused", refusal: "no read counts at 10k", changes: [] },
    });
  });

  test("of a bib that nobody has is refused, and goes nowhere", async () => {
    expect(await post({ bib: "999", kind: "disqualify" })).toMatchObject({
      status: 404,
      body: { code: "UNKNOWN_RUNNER" },
    });
    expect(sent).toEqual([]);
  });

  test("that is not decided in time is accepted, and says so; asked again with its id it tells", async () => {
    await api.app.close();
    job = () => undefined;
    api = await createApp({
      openReader: log.openReader,
      registry: new Registry(),
      log: silentLog(),
      corrections: { send: async (correction) => void sent.push(correction) },
      correctionWaits: { decisionMs: 20, boardMs: 20 },
    });
    await api.app.ready();
    await api.follower.ready;
    const body = { bib: "2", kind: "disqualify", id: "slow" };
    expect(await post(body)).toMatchObject({ status: 202, body: { id: "slow", outcome: "accepted" } });
    log.outcomes(outcomeOf(sent[0]!, { applied: true, refusal: "" }));
    await expect.poll(async () => (await post(body)).body.outcome).toBe("applied");
  });

  test("sent again with its id is answered with what became of it, and not sent again", async () => {
    const body = { bib: "2", kind: "void", mat: "10k", id: "b" };
    job = () => ({ applied: false, refusal: "why not" });
    const first = await post(body);
    expect(await post(body)).toEqual(first);
    expect(sent.length).toBe(1);
    expect(await post({ ...body, kind: "disqualify", mat: undefined })).toMatchObject({
      status: 409,
      body: { code: "CONFLICT" },
    });
    // Another runner's correction may have it.
    expect((await post({ ...body, bib: "3" })).status).toBe(200);
  });
});

describe("a preview", () => {
  const preview = async (body: object) => (await post(body, `${PATH}/preview`)).body;

  test("says what would change, and sends nothing", async () => {
    expect(await preview({ bib: "2", kind: "disqualify" })).toMatchObject({
      changes: [
        { what: "status", from: "running", to: "dsq" },
        { what: "place", mat: "10k", from: "2", to: "none" },
      ],
      warnings: [],
    });
    expect(await preview({ bib: "3", kind: "change", mat: "10k", time: "10:43:00" })).toMatchObject({
      changes: [
        { what: "time", mat: "10k", from: "10:45:00", to: "10:43:00" },
        { what: "place", mat: "10k", from: "3", to: "2" },
      ],
      warnings: [],
    });
    expect(await preview({ bib: "1", kind: "change", mat: "10k", time: "10:44:00" })).toMatchObject({
      changes: [{ what: "time" }, { what: "place", from: "1", to: "2" }],
    });
    expect(sent).toEqual([]);
  });

  test.each([
    [
      { bib: "3", kind: "change", mat: "10k", time: "10:30:00" },
      "with 10:30:00 the runner would lead at 10k",
    ],
    [{ bib: "3", kind: "change", mat: "10k", time: "09:45:00" }, "09:45:00 is before the gun, 10:00:00"],
    [
      { bib: "2", kind: "add", mat: "finish", time: "10:20:00" },
      "10:20:00 is not after the runner's time at 10k, 10:43:20",
    ],
    [
      { bib: "2", kind: "add", mat: "finish", time: "10:50:00" },
      "10k to finish in 6:40 is faster than anybody has run",
    ],
    [{ bib: "2", kind: "add", mat: "10k", time: "10:44:00" }, "a time counts at 10k already: 10:43:20"],
    [{ bib: "4", kind: "void", mat: "10k" }, "no time of the runner counts at 10k"],
    [{ bib: "2", kind: "reinstate" }, "the runner is not disqualified, but running"],
  ])("of %j warns", async (body, warning) => {
    expect((await preview(body)).warnings).toContain(warning);
  });

  test("of a bib that nobody has is refused", async () => {
    expect(await preview({ bib: "999", kind: "disqualify" })).toMatchObject({ code: "UNKNOWN_RUNNER" });
  });
});
