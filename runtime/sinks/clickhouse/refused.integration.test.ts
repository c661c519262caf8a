/** What ClickHouse does not take: rows, and a table that is not there or not as it should be. Against a real one. */
import { describe, expect, test } from "vitest";
import { faultyProxy } from "./testing/faulty-proxy.ts";
import { makeTable, Sample } from "./testing/samples.ts";
import { command, deadLetters, expectExact, select, sinkOf, withSamples } from "./testing/sunk.ts";

describe("a row that ClickHouse refuses", () => {
  test("is set apart with the reason, and every other row of its batch is in the table", () =>
    withSamples(async (place, writer) => {
      await writer.write(10_000, 1, (i) => i === 4_711);
      const sink = await sinkOf(place);
      await sink.caughtUp();
      await sink.stop();
      await expectExact(place, 9_998);
      const [malformed, refused, ...others] = await deadLetters(place);
      expect(others).toEqual([]);
      expect(malformed).toMatchObject({ partition: 0, offset: 0 });
      expect(refused).toMatchObject({
        job: place.name,
        step: "sink samples",
        topic: place.topic,
        partition: 1,
        offset: 1_570,
        reason: expect.stringContaining("Unexpected inf or nan to integer conversion"),
      });
      expect(refused!.key?.toString()).toBe("4711");
      expect(Sample.decode(refused!.value!)).toMatchObject({ id: "4711", netS: Number.NaN });
      expect(Date.now() - refused!.timestampMs).toBeLessThan(60_000);
    }));

  test("may stand at an edge, beside others, or be all there is, and none is set apart twice", () =>
    withSamples(async (place, writer) => {
      let apart = 0;
      const sink = await sinkOf(place);
      const cases: ((i: number) => boolean)[] = [
        (i) => i === 0,
        (i) => i === 299,
        (i) => i < 3 || i > 296,
        (i) => i % 7 === 0,
        () => true,
      ];
      for (const refused of cases) {
        await writer.write(300, 0, refused);
        apart += Array.from({ length: 300 }, (_, i) => i).filter(refused).length;
        await sink.caughtUp();
      }
      await writer.write(1);
      await sink.caughtUp();
      await sink.stop();
      await expectExact(place, 5 * 300 + 1 - apart);
      const letters = await deadLetters(place);
      expect(letters).toHaveLength(apart);
      expect(new Set(letters.map(({ partition, offset }) => `${partition}:${offset}`)).size).toBe(apart);
    }));

  test("is not set apart again when the table is filled again, and none is blamed for what is wrong with the table", () =>
    withSamples(async (place, writer) => {
      const sink = await sinkOf(place, { stuckAfterMs: 500, makeTables: () => makeTable(place) });
      await writer.write(100, 0, (i) => i === 50);
      await sink.caughtUp();
      await command(place.clickHouse, "ALTER TABLE samples DROP COLUMN net_ms");
      await command(place.clickHouse, "ALTER TABLE samples DROP COLUMN net_s");
      await writer.write(10);
      await expect
        .poll(() => sink.problems().map(({ code }) => code), { timeout: 20_000 })
        .toEqual(["clickhouse-refuses"]);
      expect(sink.problems()[0]!.message).toContain("net_s");
      await command(place.clickHouse, "DROP TABLE samples SYNC");
      await sink.caughtUp();
      expect(sink.problems()).toEqual([]);
      await sink.stop();
      await expectExact(place, 109);
      expect(await deadLetters(place)).toHaveLength(1);
    }));
});

test("a table that is dropped is made and filled again, also while no record comes", () =>
  withSamples(async (place, writer) => {
    const sink = await sinkOf(place, { lookEveryMs: 100, makeTables: () => makeTable(place) });
    await writer.write(100, 2);
    await sink.caughtUp();
    await command(place.clickHouse, "DROP TABLE samples SYNC");
    const rows = () => select(place.clickHouse, "SELECT count() AS rows FROM samples").catch(() => []);
    await expect.poll(rows, { timeout: 30_000 }).toEqual([{ rows: 98 }]);
    await sink.stop();

    await command(place.clickHouse, "DROP TABLE samples SYNC");
    await writer.write(10);
    const second = await sinkOf(place, { makeTables: () => makeTable(place) });
    await second.caughtUp();
    await second.stop();
    await expectExact(place, 108);
    expect(await deadLetters(place)).toHaveLength(2);
  }));

test("what does not get on is a problem, said once, and over when it gets on", () =>
  withSamples(async (place, writer) => {
    const proxy = await faultyProxy(place.clickHouse);
    const warned: string[] = [];
    const sink = await sinkOf(
      { ...place, clickHouse: proxy.clickHouse },
      { stuckAfterMs: 500, warn: (line) => warned.push(line) },
    );
    await sink.caughtUp();
    expect(sink.problems()).toEqual([]);
    proxy.fault = () => "refused";
    await writer.write(10);
    await expect
      .poll(() => sink.problems(), { timeout: 20_000 })
      .toEqual([
        {
          part: "sink",
          code: "clickhouse-away",
          message: expect.stringContaining("samples: ClickHouse does not answer"),
          sinceMs: expect.any(Number),
        },
      ]);
    await expect.poll(() => warned, { timeout: 20_000 }).toHaveLength(1);
    proxy.fault = () => undefined;
    await sink.caughtUp();
    expect(sink.problems()).toEqual([]);
    await expect
      .poll(() => warned, { timeout: 20_000 })
      .toEqual([expect.stringContaining("clickhouse-away: samples"), "sink: clickhouse-away: over"]);
    await sink.stop();
    await proxy.close();
    await expectExact(place, 10);
  }));
