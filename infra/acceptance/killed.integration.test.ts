/**
 * A race replayed at top speed while everything is killed, one after the other, at random moments: the whole program five
 * times, one of two nodes, ClickHouse, the broker. Then the results must be what they are without it: the same places, the
 * same rows, no passing lost or doubled in Kafka or in ClickHouse.
 *
 * The moments follow from a seed, which is printed; `PACESTREAM_TEST_SEED=N npm test -- infra/acceptance/killed` tries one again.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { openRaceFolder } from "../../jobs/lib/race-folder.ts";
import { clickHouseVariables, type KafkaConnection, kafkaVariables } from "../../runtime/config.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { reconcile } from "../../runtime/sinks/clickhouse/index.ts";
import { randomFrom } from "../../runtime/testing/random.ts";
import { TimingMessage } from "../../schemas/index.ts";
import { RESULT_TABLES } from "../clickhouse/tables.ts";
import { connections, Program, pause, RACES } from "./program.ts";
import { finishersByApi, finishersBySql, outside, PLACES, sql } from "./standings-of.ts";

const RACE = "boston-2014";
const READS = 334_877;
const KILLS_OF_THE_PROGRAM = 3;
const TIMEOUT_MS = 360_000;

const seed = Number(process.env.PACESTREAM_TEST_SEED ?? Math.floor(Math.random() * 1e9));
const random = randomFrom(seed);
const between = (fromMs: number, toMs: number): number => Math.round(fromMs + random() * (toMs - fromMs));
const dataDir = mkdtempSync(join(tmpdir(), "pacestream-killed-"));
const running = new Set<Program>();

function start(args: readonly string[], env?: Readonly<Record<string, string>>): Program {
  const program = new Program(["--data", dataDir, ...args], env);
  running.add(program);
  return program;
}

afterAll(async () => {
  for (const program of running) if (!program.ended) await program.kill();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

/** How often each read of the race stands in the topic, as a read_committed reader sees it. */
async function readsInKafka(kafka: KafkaConnection): Promise<Map<string, number>> {
  const reader = createPartitionReader(kafka);
  const times = new Map<string, number>();
  try {
    const partitions = Array.from({ length: await reader.partitionCount("passings") }, (_, partition) => ({
      topic: "passings",
      partition,
    }));
    const extents = await reader.offsets(partitions);
    const open = new Map(
      partitions.flatMap(({ partition }, i): [number, number][] =>
        extents[i]!.end > 0 ? [[partition, extents[i]!.end]] : [],
      ),
    );
    reader.assign(partitions.map((partition, i) => ({ ...partition, offset: extents[i]!.first })));
    while (open.size > 0) {
      for (const { partition, records, nextOffset } of await reader.poll(200)) {
        while (records.next()) {
          const { read } = TimingMessage.decode(records.buffer, records.valueStart, records.valueEnd);
          if (read) times.set(read.id, (times.get(read.id) ?? 0) + 1);
        }
        if (nextOffset >= open.get(partition)!) open.delete(partition);
      }
    }
    return times;
  } finally {
    await reader.close();
  }
}

it("whatever is killed, the race comes out the same", { timeout: TIMEOUT_MS }, async () => {
  console.log(`seed ${seed}`);
  const race = ["--race", join(RACES, RACE), "--speed", "max", "--once", "--keep"];
  for (let kill = 0; kill < KILLS_OF_THE_PROGRAM; kill++) {
    const program = start(race);
    // Now and then before it is ready, most often in the middle of the work.
    if (random() < 0.8) await program.line((line) => line.startsWith("Replaying"));
    const afterMs = between(200, 2_000);
    await pause(afterMs);
    await program.kill();
    console.log(`program killed ${afterMs} ms later: ${program.output.at(-1) ?? "before its first line"}`);
  }

  const first = start(race);
  await first.line((line) => line.startsWith("Replaying"));
  const { kafka, clickHouse, api } = connections(dataDir);
  const elsewhere = { ...kafkaVariables(kafka), ...clickHouseVariables(clickHouse) };
  const second = start(["--no-replay"], elsewhere);
  await second.line((line) => line.includes("is ready"));
  await pause(between(200, 1_500));
  await second.kill();
  await pause(between(200, 1_500));
  process.kill(first.services().clickHouse!, "SIGKILL");
  await pause(between(200, 1_500));
  process.kill(first.services().kafka!, "SIGKILL");

  const summary = await first.summary();
  const folder = await openRaceFolder(join(RACES, RACE), (problem) => {
    throw new Error(problem.problem);
  });
  const official = await Array.fromAsync(folder.results());
  expect(summary).toMatchObject({ race: RACE, runners: 31_931, finishers: official.length, passings: READS });

  const inKafka = await readsInKafka(kafka);
  expect(inKafka.size).toBe(READS);
  expect([...inKafka].filter(([, times]) => times !== 1)).toEqual([]);

  expect(
    (await reconcile(kafka, clickHouse, RESULT_TABLES)).partitions.filter(
      (it) => it.missing + it.doubled + it.foreign > 0,
    ),
  ).toEqual([]);
  const fates = await sql<{ fate: string; reads: number }>(
    clickHouse,
    "SELECT fate, count() AS reads FROM passings WHERE race = {race: String} GROUP BY fate ORDER BY fate",
    { race: RACE },
  );
  // As without any kill: jobs/lib/real-races.test.ts.
  expect(Object.fromEntries(fates.map(({ fate, reads }) => [fate, reads]))).toEqual({
    counted: READS - 15_921 - 200,
    repeated: 15_921,
    unknown_bib: 200,
  });

  const byApi = await finishersByApi(api, RACE);
  expect(Object.fromEntries(await finishersBySql(clickHouse, RACE))).toEqual(Object.fromEntries(byApi));
  const times = [...byApi.values()].map(({ bib, netS, gunS }) => [bib, netS, gunS]).sort();
  expect(times).toEqual(official.map(({ bib, netMs, gunMs }) => [bib, netMs! / 1000, gunMs! / 1000]).sort());
  for (const name of PLACES) expect(outside({ finishers: byApi, official }, name)).toEqual([]);
  expect(await first.stop()).toBe(0);
});
