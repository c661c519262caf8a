import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { startServices } from "../../../infra/embedded/services.ts";
import { createPartitionReader } from "../../kafka/reader.ts";
import { Announcements } from "./announcements.ts";
import { Batch, RecordSorter } from "./batch.ts";
import { Inserter } from "./inserter.ts";
import { faultyProxy } from "./testing/faulty-proxy.ts";
import { PARTITIONS, Sample, tableOf } from "./testing/samples.ts";
import { command, deadLetters, expectExact, select, sinkOf, withSamples } from "./testing/sunk.ts";

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
console.log(`seed of the random moments: SEED=${seed}`);
const random = mulberry32(seed);

test("a committed record becomes a row by itself, long before a batch is full", () =>
  withSamples(async (place, writer) => {
    const sink = await sinkOf(place);
    for (let i = 0; i < 3; i++) {
      await writer.write(2);
      await sink.caughtUp();
    }
    expect(await select(place.clickHouse, "SELECT * FROM samples ORDER BY toUInt32(id) LIMIT 2")).toEqual([
      { id: "0", kind: "b", net_s: 0, kafka_topic: place.topic, kafka_partition: 0, kafka_offset: 0 },
      { id: "1", kind: "a", net_s: null, kafka_topic: place.topic, kafka_partition: 1, kafka_offset: 0 },
    ]);
    await sink.stop();
    await expectExact(place, 6);
  }));

test("a record that is no value of the schema goes to the dead letters once, the others to the table", () =>
  withSamples(async (place, writer) => {
    await writer.write(100, 2);
    let sink = await sinkOf(place);
    await sink.caughtUp();
    await sink.stop();
    await writer.write(2, 2);
    sink = await sinkOf(place);
    await sink.caughtUp();
    await sink.stop();
    await expectExact(place, 98);
    const letters = await deadLetters(place);
    expect(letters.map(({ partition, offset }) => `${partition}:${offset}`)).toEqual([
      "0:0",
      "1:0",
      "1:34",
      "2:34",
    ]);
    expect(letters[0]).toMatchObject({
      step: "sink samples",
      topic: place.topic,
      reason: "sample: the value is truncated",
    });
  }));

test("a table put back to an older state, or emptied, gets what it lacks, and no dead letter comes twice", () =>
  withSamples(async (place, writer) => {
    const run = async (work: () => Promise<void>) => {
      const sink = await sinkOf(place);
      await work();
      await sink.caughtUp();
      await sink.stop();
    };
    const backup = "CREATE TABLE backup ENGINE = MergeTree ORDER BY id AS SELECT * FROM samples";
    const restore = "INSERT INTO samples SELECT * FROM backup SETTINGS insert_deduplicate = 0";
    await run(() => writer.write(100, 2));
    await command(place.clickHouse, backup);
    await run(() => writer.write(50, 1));

    await command(place.clickHouse, "TRUNCATE TABLE samples");
    await command(place.clickHouse, restore);
    await run(async () => {});
    await expectExact(place, 147);

    await command(place.clickHouse, "TRUNCATE TABLE samples");
    await run(() => writer.write(10, 1));
    await expectExact(place, 156);
    expect(await deadLetters(place)).toHaveLength(4);
  }));

test("a table put back to an older state while the sink works gets what it lacks", () =>
  withSamples(async (place, writer) => {
    const lines: string[] = [];
    const sink = await sinkOf(place, { log: (line) => lines.push(line) });
    await writer.write(100);
    await sink.caughtUp();
    await command(place.clickHouse, "RENAME TABLE samples TO away");
    await writer.write(50);
    await expect
      .poll(() => lines.some((line) => line.includes("did not take the rows")), { timeout: 60_000 })
      .toBe(true);
    await command(place.clickHouse, "TRUNCATE TABLE away");
    await command(place.clickHouse, "RENAME TABLE away TO samples");
    await writer.write(10);
    await sink.caughtUp();
    await sink.stop();
    await expectExact(place, 160);
  }));

test("of two nodes one works; when it goes, the other goes on where it was", () =>
  withSamples(async (place, writer) => {
    const sinks = [await sinkOf(place), await sinkOf(place)];
    await expect
      .poll(() => sinks.map(({ state }) => state).sort(), { timeout: 60_000 })
      .toEqual(["standing by", "working"]);
    await writer.write(100);
    const [first, second] = sinks[0]!.state === "working" ? sinks : sinks.reverse();
    await first!.caughtUp();
    await first!.stop();
    await writer.write(100);
    await second!.caughtUp();
    await second!.stop();
    await expectExact(place, 200);
  }));

test("an owner that was replaced and does not know it cannot announce any more", () =>
  withSamples(async (place) => {
    const open = async () => {
      const reader = createPartitionReader(place.kafka);
      const announcements = new Announcements({ ...place, log: () => {} });
      await announcements.open(reader);
      await reader.close();
      return announcements;
    };
    const announcement = { ranges: [{ partition: 0, first: 0, end: 1 }], generation: 0, done: false };
    const first = await open();
    const outcomeOf = async (owner: Announcements) =>
      (await owner.write(tableOf(place), announcement, [])).outcome.kind;
    expect(await outcomeOf(first)).toBe("committed");
    const second = await open();
    expect(await outcomeOf(first)).toBe("fenced");
    expect(await outcomeOf(second)).toBe("committed");
    await first.close();
    await second.close();
  }));

test("requests cut and answers lost leave every record once", () =>
  withSamples(async (place, writer) => {
    const proxy = await faultyProxy(place.clickHouse);
    const said: string[] = [];
    const sink = await sinkOf(
      { ...place, clickHouse: proxy.clickHouse },
      { insertEveryMs: 20, lingerMs: 10, log: (line) => said.push(line) },
    );
    await writer.write(300);
    await sink.caughtUp();
    for (const fault of ["answer-lost", "request-cut", "refused"] as const) {
      let left = 2;
      proxy.fault = () => (left-- > 0 ? fault : undefined);
      await writer.write(300);
      await sink.caughtUp();
    }
    proxy.fault = () =>
      random() < 0.3
        ? (["answer-lost", "request-cut", "refused"] as const)[Math.floor(random() * 3)]
        : undefined;
    for (let i = 0; i < 20; i++) {
      await writer.write(50);
      await sleep(random() * 50);
    }
    proxy.fault = () => undefined;
    await sink.caughtUp();
    await sink.stop();
    await proxy.close();
    expect(said.some((line) => line.includes("did not take the rows"))).toBe(true);
    expect(said.some((line) => line.includes("answers again"))).toBe(true);
    await expectExact(place, 2_200);
  }));

test("a sink that stood still for longer than its group has patience goes on where it was, and begins nothing anew", () =>
  withSamples(async (place, writer) => {
    const script = new URL("./testing/sink-process.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [script, JSON.stringify(place)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (bytes) => {
      said += bytes;
    });
    try {
      await once(child.stdout, "data");
      const rows = () => select(place.clickHouse, "SELECT count() AS rows FROM samples");
      await writer.write(100);
      await expect.poll(rows, { timeout: 20_000 }).toEqual([{ rows: 100 }]);
      child.kill("SIGSTOP");
      await writer.write(100);
      await sleep(5_000);
      child.kill("SIGCONT");
      await writer.write(100);
      await expect.poll(rows, { timeout: 40_000 }).toEqual([{ rows: 300 }]);
      await sleep(1_000);
      await writer.write(100);
      await expect.poll(rows, { timeout: 40_000 }).toEqual([{ rows: 400 }]);
      expect(said).not.toMatch(/starting over|replaying/);
      await expectExact(place, 400);
    } finally {
      child.kill("SIGKILL");
    }
  }));

test("a sink killed at random moments leaves every record once", { timeout: 120_000 }, () =>
  withSamples(async (place, writer) => {
    let writes = 0;
    let written = 0;
    let apart = 0;
    let writing = true;
    const producing = (async () => {
      while (writing) {
        // Every fifth transaction has a row that ClickHouse refuses: there is one in most batches of 500.
        const refused = writes++ % 5 === 0 ? 1 : 0;
        await writer.write(200, 1, (i) => i === 7 && refused > 0);
        written += 199 - refused;
        apart += 1 + refused;
        await sleep(50);
      }
    })();
    for (let round = 0; round < 6; round++) {
      const script = new URL("./testing/sink-process.ts", import.meta.url).pathname;
      const child = spawn(process.execPath, [script, JSON.stringify(place)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      await sleep(random() * 700);
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    writing = false;
    await producing;
    const sink = await sinkOf(place);
    await sink.caughtUp();
    await sink.stop();
    await expectExact(place, written);
    const letters = await deadLetters(place);
    expect(letters.length).toBe(apart);
    expect(new Set(letters.map(({ partition, offset }) => `${partition}:${offset}`)).size).toBe(
      letters.length,
    );
  }),
);

test("ClickHouse killed at random moments has every record once, and refuses a token it knows", {
  timeout: 180_000,
}, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "pacestream-sink-"));
  const services = await startServices({ dataDir, kafka: inject("kafka"), clickHousePort: 0, log: () => {} });
  try {
    await withSamples(async (place, writer) => {
      const kill = async () => {
        process.kill(services.pids().clickHouse!, "SIGKILL");
        await sleep(200);
        await expect
          .poll(() => select(place.clickHouse, "SELECT 1 AS one").catch(() => []), {
            timeout: 60_000,
            interval: 100,
          })
          .toHaveLength(1);
      };
      const inserter = new Inserter(place.clickHouse);
      const insert = () =>
        inserter.insert(tableOf(place), sorter.format, batch, "the same token", {
          signal: new AbortController().signal,
        });
      const sorter = new RecordSorter(Sample);
      const batch = new Batch({ rowsMax: 10, bytesMax: 1000 });
      const value = Sample.encode({ id: "x", kind: "a", netS: null });
      batch.rows.append(value, 0, value.length, PARTITIONS + 1, 0);
      await insert();
      await kill();
      await insert();
      await inserter.close();
      expect(await select(place.clickHouse, "SELECT count() AS rows FROM samples")).toEqual([{ rows: 1 }]);

      const sink = await sinkOf(place, { batchRowsMax: 500, insertEveryMs: 20, lingerMs: 10 });
      let written = 0;
      let writing = true;
      const producing = (async () => {
        while (writing) {
          await writer.write(200);
          written += 200;
          await sleep(10);
        }
      })();
      for (let round = 0; round < 4; round++) {
        await sleep(200 + random() * 600);
        await kill();
      }
      writing = false;
      await producing;
      await sink.caughtUp();
      await sink.stop();
      await expectExact(place, written);
    }, services.clickHouse);
  } finally {
    await services.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

function mulberry32(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
