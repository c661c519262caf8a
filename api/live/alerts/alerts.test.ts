import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Alert, type AlertAcknowledgement } from "../../../schemas/index.ts";
import { type ApiApp, type AppOptions, createApp } from "../../server.ts";
import { EventReader } from "../../testing/event-reader.ts";
import { MemoryLog } from "../../testing/memory-log.ts";
import {
  ALERT_MS,
  acknowledgedAlert,
  clearedAlert,
  escalatedAlert,
  raisedAlert,
} from "../../testing/sample-alerts.ts";
import { SAMPLE } from "../../testing/sample-race.ts";
import { silentLog } from "../../testing/silent-log.ts";
import { AlertBook } from "./alert-book.ts";

const MINUTE = 60_000;
const FAST = raisedAlert("7", 10);
const LATER = raisedAlert("8", 20, "sudden_drop");
const LONE = escalatedAlert(raisedAlert("9", 5));
const SENSOR = raisedAlert("7", 30, "stuck_sensor", { limit: null, distanceM: null });
const OTHER = raisedAlert("1", 15, "lost_signal", { event: "other", value: null });

let log: MemoryLog;
let api: ApiApp;
let sent: AlertAcknowledgement[];
let readers: EventReader[];
/** What the job would do with an acknowledgement. */
let job: (acknowledgement: AlertAcknowledgement) => void;

async function start(options: Partial<AppOptions> = {}): Promise<void> {
  await api?.app.close();
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    acknowledgements: {
      send: async (acknowledgement) => {
        sent.push(acknowledgement);
        job(acknowledgement);
      },
    },
    ...options,
  });
  await api.app.ready();
  await api.follower.ready;
  await api.alerts?.ready;
}

beforeEach(async () => {
  log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.alerts(FAST, { ...LONE, state: "raised", atMs: LONE.atMs - 3 * MINUTE }, LATER, LONE, SENSOR, OTHER);
  sent = [];
  readers = [];
  job = ({ id, by, note }) => {
    const alert = [FAST, LATER].find((one) => one.id === id)!;
    log.alerts(acknowledgedAlert(alert, by, note));
  };
  await start();
});

afterEach(async () => {
  for (const reader of readers) reader.close();
  await api.app.close();
});

async function get(url: string, headers: Record<string, string> = {}) {
  const response = await api.app.inject({ url, headers });
  return { status: response.statusCode, body: response.json(), headers: response.headers };
}

const pathOf = ({ id }: Alert) => `/v1/alerts/${encodeURIComponent(id)}`;
const acknowledge = async (alert: Alert, payload: object, headers: Record<string, string> = {}) => {
  const url = `${pathOf(alert)}/acknowledge`;
  const response = await api.app.inject({ method: "POST", url, payload, headers });
  return { status: response.statusCode, body: response.json() };
};
const ids = (body: { alerts: { id: string }[] }) => body.alerts.map(({ id }) => id);

describe("alerts", () => {
  test("stand in the order of their urgency, then the newest first, each with where it is", async () => {
    const { body, headers } = await get("/v1/alerts");
    expect(ids(body)).toEqual([LONE.id, LATER.id, FAST.id, OTHER.id, SENSOR.id]);
    expect(body).toMatchObject({ total: 5, next: null });
    expect(body.alerts[0]).toEqual({
      id: LONE.id,
      participant: "sample/9",
      race: "sample",
      bib: "9",
      device: "watch-9",
      kind: "high_heart_rate",
      state: "escalated",
      urgency: "critical",
      sinceMs: ALERT_MS + 3 * MINUTE,
      raisedMs: ALERT_MS + 5 * MINUTE,
      escalatedMs: ALERT_MS + 8 * MINUTE,
      atMs: ALERT_MS + 8 * MINUTE,
      value: 186,
      limit: 170,
      reason: "heart rate above 170, up to 186",
      rules: 3,
      lat: 52.5,
      lon: 13.4,
      distanceM: 12_400,
      afterMat: "10k",
      beforeMat: "finish",
      acknowledgedBy: null,
      acknowledgedMs: null,
      acknowledgedNote: null,
      readings: 121,
    });
    expect(body.alerts[4]).toMatchObject({
      urgency: "low",
      afterMat: null,
      beforeMat: null,
      distanceM: null,
    });
    expect(headers["cache-control"]).toBe("no-store");
  });

  test.each([
    ["race=other", [OTHER.id]],
    ["participant=sample/7", [FAST.id, SENSOR.id]],
    ["urgency=critical,moderate", [LONE.id, OTHER.id]],
    ["kind=sudden_drop", [LATER.id]],
    ["state=escalated", [LONE.id]],
    ["state=cleared", []],
    ["race=sample&urgency=high,low&kind=high_heart_rate,stuck_sensor", [FAST.id, SENSOR.id]],
  ])("are filtered by %s", async (query, expected) => {
    expect(ids((await get(`/v1/alerts?${query}`)).body)).toEqual(expected);
  });

  test("come page by page, each once, also when some move meanwhile", async () => {
    const first = (await get("/v1/alerts?limit=2")).body;
    expect([ids(first), first.total]).toEqual([[LONE.id, LATER.id], 5]);
    log.alerts(escalatedAlert(LATER), clearedAlert(LONE));
    await expect.poll(async () => (await get("/v1/alerts")).body.total).toBe(4);
    const second = (await get(`/v1/alerts?limit=2&cursor=${first.next}`)).body;
    expect(ids(second)).toEqual([FAST.id, OTHER.id]);
    const third = (await get(`/v1/alerts?limit=2&cursor=${second.next}`)).body;
    expect([ids(third), third.next]).toEqual([[SENSOR.id], null]);
  });

  test.each([
    ["state=open", 'state: "open" is none of raised, escalated, acknowledged, cleared'],
    ["urgency=high,urgent", 'urgency: "urgent" is none of critical, high, moderate, low'],
    ["limit=0", "limit must be >= 1"],
    ["limit=501", "limit must be <= 500"],
    ["cursor=WzFd", 'cursor: "WzFd" is none that was given out as next'],
    ["cursor=%00", "cursor holds characters that no name has: control characters, or halves of characters"],
  ])("refuse %s and say what is allowed", async (query, message) => {
    const { status, body } = await get(`/v1/alerts?${query}`);
    expect([status, body]).toEqual([400, { code: "BAD_REQUEST", message }]);
  });

  test("of which one is asked tell the readings that prove it, and their life", async () => {
    log.alerts(acknowledgedAlert(LONE, "medic-1", "at km 12"), clearedAlert(LONE, "over"));
    await expect.poll(async () => (await get(pathOf(LONE))).body.state).toBe("cleared");
    const { body } = await get(pathOf(LONE));
    expect(body.evidence).toEqual(LONE.evidence);
    expect(body.reason).toBe("heart rate above 170, up to 186");
    expect(
      body.history.map(({ state, atMs, by, note }: Record<string, unknown>) => [state, atMs, by, note]),
    ).toEqual([
      ["raised", ALERT_MS + 5 * MINUTE, null, null],
      ["escalated", ALERT_MS + 8 * MINUTE, null, null],
      ["acknowledged", ALERT_MS + 9 * MINUTE, "medic-1", "at km 12"],
      ["cleared", ALERT_MS + 12 * MINUTE, null, null],
    ]);
    expect(body.history[3]).toMatchObject({ reason: "over", position: expect.stringMatching(/^[01]:\d+$/) });
    for (const id of ["nobody", "%00", "__proto__"]) {
      const { status, body } = await get(`/v1/alerts/${id}`);
      expect([status, body.code]).toEqual([404, "UNKNOWN_ALERT"]);
    }
  });

  test("are there only for who has the token, when there is one", async () => {
    await start({ controlToken: "secret" });
    for (const url of ["/v1/alerts", "/v1/alerts/stream", pathOf(FAST)]) {
      expect((await get(url)).status).toBe(401);
      expect((await get(url, { authorization: "Bearer wrong" })).status).toBe(401);
    }
    expect((await acknowledge(FAST, { by: "medic-1" })).status).toBe(401);
    const authorization = { authorization: "Bearer secret" };
    expect((await get("/v1/alerts", authorization)).status).toBe(200);
    expect((await acknowledge(FAST, { by: "medic-1" }, authorization)).status).toBe(200);
  });

  test("are for pages of this server only", async () => {
    const headers = { origin: "https://elsewhere.example", host: "127.0.0.1:8080" };
    expect((await get("/v1/alerts", headers)).body.code).toBe("FORBIDDEN_ORIGIN");
    expect((await acknowledge(FAST, { by: "medic-1" }, headers)).body.code).toBe("FORBIDDEN_ORIGIN");
  });

  test("are not there where no job makes them", async () => {
    await api.app.close();
    api = await createApp({ openReader: log.openReader, registry: new Registry(), log: silentLog() });
    expect((await get("/v1/alerts")).status).toBe(404);
  });
});

describe("an acknowledgement", () => {
  test("goes through the log, and is answered with what the job made of it", async () => {
    const { status, body } = await acknowledge(FAST, { by: "medic-1", note: " on my way " });
    expect([status, body.outcome]).toEqual([200, "acknowledged"]);
    expect(body.alert).toMatchObject({ state: "acknowledged", acknowledgedBy: "medic-1" });
    expect(sent).toEqual([
      {
        id: FAST.id,
        participant: FAST.participant,
        by: "medic-1",
        note: "on my way",
        atMs: expect.any(Number),
      },
    ]);
  });

  test("asked for again changes nothing, whoever asks", async () => {
    await acknowledge(FAST, { by: "medic-1" });
    expect(await acknowledge(FAST, { by: "medic-1" })).toMatchObject({
      status: 200,
      body: { outcome: "acknowledged" },
    });
    const late = await acknowledge(FAST, { by: "medic-2" });
    expect(late).toMatchObject({
      status: 200,
      body: { outcome: "taken_before", alert: { acknowledgedBy: "medic-1" } },
    });
    expect(sent.length).toBe(1);
  });

  test("that another came before in the log says so", async () => {
    job = () => log.alerts(acknowledgedAlert(FAST, "medic-2"));
    expect(await acknowledge(FAST, { by: "medic-1" })).toMatchObject({
      status: 200,
      body: { outcome: "taken_before", alert: { acknowledgedBy: "medic-2" } },
    });
  });

  test("that nothing comes of in time is accepted", async () => {
    job = () => undefined;
    expect(await acknowledge(FAST, { by: "medic-1" })).toMatchObject({
      status: 202,
      body: { outcome: "accepted", alert: { state: "raised" } },
    });
  });

  test("of an alert that is over, or ends meanwhile, is refused", async () => {
    job = () => log.alerts(clearedAlert(FAST));
    const over = { status: 409, body: { code: "ALERT_OVER" } };
    expect(await acknowledge(FAST, { by: "medic-1" })).toMatchObject(over);
    expect(await acknowledge(FAST, { by: "medic-1" })).toMatchObject(over);
    expect(sent.length).toBe(1);
  });

  test("of who took it on before it was over is still answered", async () => {
    await acknowledge(FAST, { by: "medic-1" });
    log.alerts(clearedAlert(acknowledgedAlert(FAST, "medic-1")));
    await expect.poll(async () => (await get(pathOf(FAST))).body.state).toBe("cleared");
    expect(await acknowledge(FAST, { by: "medic-1" })).toMatchObject({
      status: 200,
      body: { outcome: "acknowledged", alert: { state: "cleared" } },
    });
    expect((await acknowledge(FAST, { by: "medic-2" })).status).toBe(409);
  });

  test.each([
    [{}, 400, "body must have required property 'by'"],
    [{ by: "" }, 400, "by must NOT have fewer than 1 characters"],
    [{ by: "x".repeat(101) }, 400, "by must NOT have more than 100 characters"],
    [
      { by: " padded" },
      400,
      "by must be one line of text that can be printed, with no blank before or after it",
    ],
    [
      { by: "\u001b[2Jmedic" },
      400,
      "by must be one line of text that can be printed, with no blank before or after it",
    ],
    [{ by: "m", note: "\0" }, 400, "note must be text that can be printed"],
    [{ by: "m", note: "n".repeat(501) }, 400, "note must NOT have more than 500 characters"],
  ])("of %j is refused", async (payload, status, message) => {
    const answer = await acknowledge(FAST, payload);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
    expect(sent).toEqual([]);
  });

  test("of an alert that is not there, or of no JSON, is refused", async () => {
    expect(await acknowledge(raisedAlert("404", 1), { by: "m" })).toMatchObject({
      status: 404,
      body: { code: "UNKNOWN_ALERT" },
    });
    const url = `${pathOf(FAST)}/acknowledge`;
    const headers = { "content-type": "text/plain" };
    expect((await api.app.inject({ method: "POST", url, payload: "by=m", headers })).statusCode).toBe(415);
  });
});

describe("the stream of alerts", () => {
  let url: string;

  async function open(query = "", headers: Record<string, string> = {}): Promise<EventReader> {
    if (!api.app.server.listening) url = await api.app.listen({ port: 0, host: "127.0.0.1" });
    const reader = new EventReader(url, `/v1/alerts/stream${query}`, headers);
    readers.push(reader);
    return reader;
  }

  test("begins with what there is, then tells what changed, under committed positions", async () => {
    const reader = await open("?race=sample&limit=3");
    await expect.poll(() => reader.names).toBe("snapshot");
    const before = reader.last!;
    expect(before.data).toMatchObject({
      total: 4,
      alerts: [{ id: LONE.id }, { id: LATER.id }, { id: FAST.id }],
      counts: { critical: { escalated: 1, raised: 0 }, high: { raised: 2 }, low: { raised: 1 } },
    });
    expect(before.id).toMatch(/^0:\d+,1:\d+$/);

    log.alerts(acknowledgedAlert(FAST, "medic-1"));
    await expect.poll(() => reader.names).toBe("snapshot change");
    expect(reader.last!.data).toEqual({
      alerts: [expect.objectContaining({ id: FAST.id, state: "acknowledged", acknowledgedBy: "medic-1" })],
      counts: expect.objectContaining({ high: { raised: 1, escalated: 0, acknowledged: 1, cleared: 0 } }),
    });

    log.alerts(clearedAlert(LONE));
    await expect
      .poll(() => reader.last!.data)
      .toMatchObject({ total: 3, order: [LATER.id, FAST.id, SENSOR.id], alerts: [{ id: SENSOR.id }] });
    expect(reader.last!.id).not.toBe(before.id);
  });

  test("says nothing of what was not asked for", async () => {
    const reader = await open("?race=other");
    await expect.poll(() => reader.names).toBe("snapshot");
    log.alerts(escalatedAlert(FAST), escalatedAlert(OTHER));
    await expect.poll(() => reader.names).toBe("snapshot change");
    expect(reader.last!.data).toMatchObject({ alerts: [{ id: OTHER.id, urgency: "high" }] });
    expect(JSON.stringify(reader.events)).not.toContain(FAST.id);
  });

  test("gives who comes back what was missed, and who cannot be helped a reset", async () => {
    const first = await open();
    await expect.poll(() => first.names).toBe("snapshot");
    first.close();
    log.alerts(escalatedAlert(FAST));
    await expect.poll(async () => (await get(pathOf(FAST))).body.state).toBe("escalated");
    const back = await open("", { "last-event-id": first.last!.id! });
    await expect.poll(() => back.names).toBe("change");
    expect(back.last!.data).toMatchObject({ alerts: [{ id: FAST.id, urgency: "critical" }] });
    const lost = await open("", { "last-event-id": "0:0,1:0" });
    await expect.poll(() => lost.names).toBe("reset snapshot");
    expect(lost.events[0]!.data).toEqual({ reason: "expired" });
  });

  test("is refused before it begins, with words", async () => {
    const { status, body } = await get("/v1/alerts/stream?kind=anything");
    expect([status, body.code]).toEqual([400, "BAD_REQUEST"]);
  });
});

describe("the book", () => {
  const skipped: string[] = [];
  const filled = (alerts: Iterable<Alert>): AlertBook => {
    const book = new AlertBook({ skipped: (...what) => skipped.push(what.join(" ")) });
    let offset = 0;
    for (const alert of alerts) {
      const bytes = Alert.encode(alert);
      book.apply("alerts", 0, offset++, bytes, 0, bytes.length);
    }
    return book;
  };

  test("skips what is no alert, and goes on", () => {
    const book = filled([FAST]);
    book.apply("alerts", 0, 1, Buffer.from("nonsense"), 0, 8);
    expect(skipped).toEqual([expect.stringContaining("alerts 0 1 ")]);
    expect(book.position).toEqual([2]);
    expect(book.get(FAST.id)?.alert).toEqual(FAST);
  });

  test("keeps every open alert, and of those that are over the last 20 000", () => {
    const over = Array.from({ length: 20_010 }, (_, i) => clearedAlert(raisedAlert(`c${i}`, i)));
    const book = filled([FAST, ...over]);
    expect([...book.from()].length).toBe(20_001);
    expect(book.get(over[9]!.id)).toBeUndefined();
    expect(book.get(over[10]!.id)).toBeDefined();
    expect(book.get(FAST.id)).toBeDefined();
  });
});
