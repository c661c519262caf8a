/** Hostile texts that came in as data (bibs, divisions, names of races) and go out to people: escaped wherever they go. */
import { Registry } from "prom-client";
import { afterEach, expect, it } from "vitest";
import { type ApiApp, createApp } from "../../api/server.ts";
import { EventReader } from "../../api/testing/event-reader.ts";
import { MemoryLog } from "../../api/testing/memory-log.ts";
import { entrant, SAMPLE, standing } from "../../api/testing/sample-race.ts";
import { silentLog } from "../../api/testing/silent-log.ts";
import { HOSTILE_NUMBERS, HOSTILE_TEXTS } from "./corpus.ts";

let api: ApiApp | undefined;
afterEach(() => api?.app.close());

const BIBS = HOSTILE_TEXTS.filter((text) => text !== "" && text.length < 100 && text.isWellFormed());

async function serve(): Promise<string> {
  const log = new MemoryLog().createTopics();
  log.race({ ...SAMPLE, name: BIBS.join(" ") });
  for (const [index, bib] of BIBS.entries()) {
    const division = BIBS[(index + 7) % BIBS.length]!;
    log.entrants(entrant(bib, "M", division, BIBS[(index + 3) % BIBS.length]));
    log.standings(standing(bib, "10k", 2_500 + index, { division }));
  }
  api = await createApp({ openReader: log.openReader, registry: new Registry(), log: silentLog() });
  const url = await api.app.listen({ host: "127.0.0.1", port: 0 });
  await api.follower.ready;
  return url;
}

it("a board of hostile bibs is JSON that holds them as they are", async () => {
  const url = await serve();
  const answer = await fetch(`${url}/v1/races/sample/leaderboard?at=10k&limit=1000`);
  expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  const { rows } = (await answer.json()) as { rows: { bib: string }[] };
  expect(rows.map(({ bib }) => bib)).toEqual(BIBS);
});

it("no bib forges a line of an event stream", async () => {
  const url = await serve();
  const reader = new EventReader(url, "/v1/races/sample/leaderboard/stream?at=10k&limit=1000");
  await expect.poll(() => reader.events.length).toBeGreaterThan(0);
  reader.close();
  expect(reader.names).toBe("snapshot");
  expect((reader.events[0]!.data as { rows: unknown[] }).rows).toHaveLength(BIBS.length);
});

it("standings with numbers beyond reason do not stop the others", async () => {
  const log = new MemoryLog().createTopics();
  log.race(SAMPLE);
  log.entrants(entrant("good"), ...HOSTILE_NUMBERS.map((_, i) => entrant(`bad${i}`)));
  log.standings(
    ...HOSTILE_NUMBERS.map((number, i) => standing(`bad${i}`, "10k", number, { asOfS: number })),
    standing("good", "finish", 9_000),
  );
  log.append("standings", 0, Buffer.from("{}"), Buffer.alloc(0), null);
  log.standings(standing("good", "10k", 2_000));
  api = await createApp({ openReader: log.openReader, registry: new Registry(), log: silentLog() });
  await api.app.ready();
  await api.follower.ready;
  for (const path of [
    "leaderboard?at=finish",
    "leaderboard?at=10k&limit=100",
    "leaderboard?at=live&limit=100",
    "runners/good",
  ]) {
    const answer = await api.app.inject(`/v1/races/sample/${path}`);
    expect(answer.statusCode, path).toBe(200);
    expect(answer.body, path).toContain('"good"');
  }
});
