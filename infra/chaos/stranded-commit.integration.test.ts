/**
 * The answer to a commit is lost, the writer asks again and hears that it is done, and the first request, which a
 * broken connection had delayed, arrives in the middle of the next transaction. To the coordinator it is the end of that one
 * (what KIP-890 is about): a part of it would be committed without the rest.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureTopics } from "../../runtime/kafka/admin.ts";
import { FrameWriter } from "../../runtime/kafka/frames.ts";
import { createTransactionalWriter } from "../../runtime/kafka/transactional-writer.ts";
import { Brokers } from "./brokers.ts";
import { API, RequestScanner } from "./kafka-requests.ts";
import { readLog } from "./log-reader.ts";

const STRANDED_MS = 400;
const dataDir = mkdtempSync(join(tmpdir(), "stranded-commit-"));
let brokers: Brokers;

beforeAll(async () => {
  brokers = await Brokers.start({
    dataDir,
    count: 1,
    clients: ["writer"],
    random: Math.random,
    smallDisks: false,
    log: () => {},
  });
}, 120_000);
afterAll(async () => {
  await brokers.stop();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

/** So large that a transaction takes several requests. */
const RECORD_BYTES = 700_000;
const RECORDS = 3;
const ROUNDS = 4;

function frames(name: string): Uint8Array {
  const writer = new FrameWriter();
  for (let record = 0; record < RECORDS; record++)
    writer.write(0, 0, Date.now(), name, Buffer.alloc(RECORD_BYTES, record));
  return writer.take();
}

it("a commit that arrives late ends no later transaction: all go on, and none is committed in part", {
  timeout: 120_000,
}, async () => {
  await ensureTopics(brokers.direct, [{ topic: "stranded", partitions: 1 }]);
  const writer = createTransactionalWriter(brokers.connectionOf("writer"), { transactionalId: "stranded" });
  await writer.init();
  expect(await writer.commit(["stranded"], frames("before"))).toEqual({ kind: "committed" });

  let stranded = false;
  let produced = 0;
  const scanners = new WeakMap<object, RequestScanner>();
  brokers.impair("writer", () => ({
    intercept: (chunk, connection) => {
      const scanner = scanners.get(connection) ?? new RequestScanner();
      scanners.set(connection, scanner);
      const keys = scanner.keysIn(chunk);
      if (!stranded && keys.includes(API.endTxn)) {
        stranded = true;
        return { kind: "strand", ms: STRANDED_MS };
      }
      // Of the next transaction the first request passes; the last, and the tail before it, come after the stranded one has.
      if (stranded && keys.includes(API.produce) && ++produced === 3)
        return { kind: "hold", ms: 3 * STRANDED_MS };
      return undefined;
    },
  }));
  const committed = ["before"];
  for (let round = 0; round < ROUNDS; round++) {
    const outcome = await writer.commit(["stranded"], frames(`round ${round}`));
    expect(outcome).toEqual({ kind: "committed" });
    committed.push(`round ${round}`);
  }
  expect(stranded).toBe(true);
  await sleep(4 * STRANDED_MS);
  await writer.close();

  const names = (await readLog(brokers.direct, "stranded")).map(({ key }) => key!.toString());
  expect(names).toEqual(committed.flatMap((name) => Array<string>(RECORDS).fill(name)));
});
