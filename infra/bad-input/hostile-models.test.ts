/** Hostile values on the topics that the API follows: what it shows of them is JSON, and what it shows of others is as it was. */
import { Registry } from "prom-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ApiApp, createApp } from "../../api/server.ts";
import { EventReader } from "../../api/testing/event-reader.ts";
import { MemoryLog } from "../../api/testing/memory-log.ts";
import { raisedAlert } from "../../api/testing/sample-alerts.ts";
import { entrant, SAMPLE, standing } from "../../api/testing/sample-race.ts";
import { silentLog } from "../../api/testing/silent-log.ts";
import { hostileInputs, hostileResults } from "./every-topic.ts";

const FOLLOWED = ["races", "entrants", "standings", "alerts", "reading-windows", "correction-outcomes"];
const GOOD = raisedAlert("7", 10);

let api: ApiApp;
let url: string;

beforeAll(async () => {
  const log = new MemoryLog().createTopics();
  const hostile = { ...hostileInputs(), ...hostileResults() };
  log.race(SAMPLE);
  log.entrants(entrant("1"));
  for (const topic of FOLLOWED) {
    expect(hostile[topic]!.length).toBeGreaterThan(50);
    log.append(topic, 0, ...hostile[topic]!.map(({ bytes }) => bytes));
  }
  log.standings(standing("1", "finish", 9_000));
  log.alerts(GOOD);
  api = await createApp({
    openReader: log.openReader,
    registry: new Registry(),
    log: silentLog(),
    acknowledgements: { send: async () => undefined },
    athletes: {
      windows: async () => [],
      tracked: async () => [],
      covered: async () => ({ distanceM: 0, activeS: 0 }),
      segments: async () => [],
      close: async () => undefined,
    },
  });
  url = await api.app.listen({ host: "127.0.0.1", port: 0 });
  await Promise.all([api.follower.ready, api.alerts!.ready, api.athletes!.ready]);
});

afterAll(() => api.app.close());

const json = async (path: string) => {
  const answer = await fetch(`${url}${path}`);
  const body = await answer.text();
  return { status: answer.status, body: JSON.parse(body) as Record<string, unknown>, text: body };
};

/** Every race, runner, alert and athlete that any answer names, asked for one by one. */
it("every list and everything in it is answered as JSON", async () => {
  const races = await json("/v1/races");
  expect([races.status, races.text]).toEqual([200, expect.stringContaining(`"${SAMPLE.id}"`)]);
  const ids = (races.body.races as { id: string }[]).map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(10);
  for (const id of ids) {
    const at = `/v1/races/${encodeURIComponent(id)}`;
    for (const path of [
      "",
      "/leaderboard?at=finish&limit=1000",
      "/leaderboard?at=live&limit=1000",
      "/runners/1",
    ]) {
      const { status, text } = await json(`${at}${path}`);
      expect(status, `${at}${path}: ${text}`).toBeLessThan(500);
    }
  }
  const alerts = await json("/v1/alerts?limit=500");
  expect([alerts.status, alerts.text]).toEqual([200, expect.stringContaining(`"${GOOD.id}"`)]);
  for (const { id, participant } of alerts.body.alerts as { id: string; participant: string }[]) {
    for (const path of [
      `/v1/alerts/${encodeURIComponent(id)}`,
      `/v1/athletes/${encodeURIComponent(participant)}`,
    ]) {
      const { status, text } = await json(path);
      expect(status, `${path}: ${text}`).toBeLessThan(500);
    }
  }
});

it("streams begin with a snapshot that can be read", async () => {
  const paths = ["/v1/alerts/stream", `/v1/races/${SAMPLE.id}/leaderboard/stream?at=finish`];
  for (const path of paths) {
    const reader = new EventReader(url, path);
    await expect.poll(() => reader.events.length).toBeGreaterThan(0);
    expect(reader.events[0]!.event, path).toBe("snapshot");
    reader.close();
  }
});
