import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { kafkaVariables } from "../../runtime/config.ts";
import { Entrant, TimingMessage } from "../../schemas/index.ts";
import { replayProgress } from "./kafka-replay.ts";
import { mulberry32, readAll } from "./replays.fixture.ts";
import { ENTRANTS, PASSINGS } from "./topics.ts";

const READS = 20_000;
const ENTRANTS_COUNT = 500;
const RACE_S = 600;
const PACE = join(import.meta.dirname, "../cli/pace.ts");

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
console.log(`seed of the random moments: SEED=${seed}`);
const random = mulberry32(seed);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pacestream-replay-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A race folder of its own: `READS` reads over ten minutes. Returns its path and its id. */
function makeRace(name: string): { path: string; id: string } {
  const id = `${name}-${process.pid}-${Date.now()}`;
  const path = mkdtempSync(join(folder, name));
  const mats = [
    { id: "start", distanceM: 0 },
    { id: "finish", distanceM: 1000 },
  ];
  writeFileSync(join(path, "race.json"), JSON.stringify({ id, gunTimeS: 0, mats }));
  const bibs = Array.from({ length: ENTRANTS_COUNT }, (_, i) => `${i + 1}`);
  writeFileSync(join(path, "startlist.csv"), `bib,gender\n${bibs.map((bib) => `${bib},F`).join("\n")}\n`);
  const reads = Array.from({ length: READS }, (_, i) => {
    const atS = Math.floor((i * RACE_S) / READS);
    return `${bibs[i % bibs.length]},start,${atS},${atS}`;
  });
  writeFileSync(join(path, "passings.csv"), `bib,mat,timeS,receivedS\n${reads.join("\n")}\n`);
  return { path, id };
}

function startReplay(path: string, speed: string): ChildProcess {
  return spawn(process.execPath, [PACE, "race", "replay", path, "--speed", speed, "--json"], {
    env: { ...process.env, ...kafkaVariables(inject("kafka")) },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function expectWhole(race: string): Promise<void> {
  const entrants = (await readAll(ENTRANTS, Entrant.decode))
    .flat()
    .filter((entrant) => entrant.race === race);
  expect(entrants.length).toBe(ENTRANTS_COUNT);
  expect(new Set(entrants.map(({ bib }) => bib)).size).toBe(ENTRANTS_COUNT);
  const partitions = (await readAll(PASSINGS, TimingMessage.decode)).map((messages) =>
    messages.filter((message) => message.race === race),
  );
  const ids = partitions.map((messages) => messages.flatMap(({ read }) => (read ? [Number(read.id)] : [])));
  // A read's id is its line, after the header.
  expect(ids.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: READS }, (_, i) => i + 2));
  for (const [p, messages] of partitions.entries()) {
    expect(ids[p]).toEqual(ids[p]!.toSorted((a, b) => a - b));
    let clockMs = 0;
    for (const { receivedMs, read } of messages) {
      // After a heartbeat comes no read that was received before it.
      if (read) expect(receivedMs).toBeGreaterThanOrEqual(clockMs);
      else clockMs = receivedMs;
    }
    expect(messages.at(-1)!.read).toBeNull();
  }
}

test("a replay killed at random moments and started again has sent every read once", {
  timeout: 120_000,
}, async () => {
  const { path, id } = makeRace("killed");
  let kills = 0;
  for (let code: number | null = null; code !== 0; ) {
    const child = startReplay(path, "100");
    const exited = once(child, "exit") as Promise<[number | null, string | null]>;
    // The last one runs to its end: six times may be enough to hit every kind of moment.
    if (kills < 6) {
      await untilStarted(id, exited);
      await sleep(random() * 700);
      if (child.kill("SIGKILL")) kills++;
    }
    [code] = await exited;
    if (code !== 0 && code !== null) throw new Error(`the replay failed: ${child.stderr?.read()}`);
  }
  expect(kills).toBeGreaterThanOrEqual(3);
  await expectWhole(id);
});

test("of two replays of a race the later goes on, the earlier stops, and every read is sent once", async () => {
  const { path, id } = makeRace("two");
  const first = startReplay(path, "100");
  const firstExit = once(first, "exit");
  let told = "";
  first.stderr!.on("data", (chunk) => {
    told += chunk;
  });
  await untilStarted(id, firstExit);
  const second = startReplay(path, "max");
  const [[firstCode], [secondCode]] = await Promise.all([firstExit, once(second, "exit")]);
  expect(secondCode).toBe(0);
  expect(firstCode).toBe(1);
  expect(told).toMatch(/another replay of two-\S+ was started and goes on/);
  await expectWhole(id);
});

/** Until the replay of this moment has sent something. */
async function untilStarted(race: string, exited: Promise<unknown>): Promise<void> {
  let over = false;
  void exited.then(() => {
    over = true;
  });
  const before = (await progressOf(race)) ?? -1;
  while (!over && ((await progressOf(race)) ?? -1) <= before) await sleep(10);
}

async function progressOf(race: string): Promise<number | undefined> {
  // Until the first replay has made the topics there is nothing to read.
  return (await replayProgress(inject("kafka"), race).catch(() => undefined))?.reads;
}
