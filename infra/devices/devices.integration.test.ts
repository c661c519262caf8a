import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { json, text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { kafkaVariables } from "../../runtime/config.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { Upload } from "../../schemas/index.ts";
import { playLog } from "../replay/kafka-play.ts";
import { mulberry32, readAll } from "../replay/replays.fixture.ts";
import { UPLOADS } from "../replay/topics.ts";
import { DeviceProgress, devicePlayId } from "./device-play.ts";
import { type FaultRates, USUAL_FAULTS } from "./faults.ts";
import { openField } from "./kafka-devices.ts";

const PACE = join(import.meta.dirname, "../cli/pace.ts");
const RECORDING = join(import.meta.dirname, "../recordings/msimms-20210507-fenix6.fit");
const COPIES = 40;
const RATES: FaultRates = { ...USUAL_FAULTS, offline: 0.3, late: 0.1, repeated: 0.1 };
const KILLS = 5;

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
console.log(`seed of the random moments: SEED=${seed}`);
const random = mulberry32(seed);

function startReplay(name: string, speed: string): ChildProcess {
  const { offline, late, repeated } = RATES;
  const args = ["--speed", speed, "--copies", `${COPIES}`, "--seed", "5", "--spread", "10", "--name", name];
  args.push("--offline", `${offline}`, "--late", `${late}`, "--repeated", `${repeated}`, "--json");
  return spawn(process.execPath, [PACE, "device", "replay", RECORDING, ...args], {
    env: { ...process.env, ...kafkaVariables(inject("kafka")) },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function planned(name: string): Promise<Upload[]> {
  const { plan } = await openField(
    {
      recordings: [RECORDING],
      copies: COPIES,
      name,
      spreadMs: 600_000,
      seed: 5,
      rates: RATES,
      periodMs: 10_000,
    },
    { onPoint: () => undefined, onLine: () => undefined },
  );
  const uploads: Upload[] = [];
  for (const delivery of plan.deliveries({ period: 0, position: 0 }))
    uploads.push(...delivery.ids.map((_, i) => plan.upload(delivery, i)));
  return uploads;
}

/** What Kafka holds is what was planned, in that order in each partition. */
async function expectWhole(name: string): Promise<void> {
  const found = (await readAll(UPLOADS, Upload.decode)).map((uploads) =>
    uploads.filter(({ participant }) => participant.startsWith(`${name}-`)),
  );
  const expected = found.map((): Upload[] => []);
  for (const upload of await planned(name))
    expected[partitionOf(upload.participant, expected.length)]!.push(upload);
  // Distances go as floats: both are compared as they are on the wire.
  const bytes = (partitions: Upload[][]) =>
    partitions.map((uploads) => uploads.map((upload) => Upload.encode(upload).toString("base64")));
  expect(bytes(found)).toEqual(bytes(expected));
}

async function uploadsSent(name: string): Promise<number> {
  // Until the first replay has made the topics there is nothing to read.
  const progress = await playLog(inject("kafka"), DeviceProgress)
    .readProgress(devicePlayId(name))
    .catch(() => undefined);
  return progress?.uploads ?? -1;
}

/** What `--json` prints, as far as it is looked at. */
interface Told {
  readonly uploads: number;
  readonly sent: { readonly uploads: number };
  readonly complete: boolean;
}

test("devices killed at random moments and started again have sent every upload once, in order", {
  timeout: 240_000,
}, async () => {
  const name = `killed-${process.pid}`;
  let kills = 0;
  for (let code: number | null = null; code !== 0; ) {
    const isLast = kills >= KILLS;
    // 3 000 s of recordings in some ten seconds; the last run need not keep a pace.
    const child = startReplay(name, isLast ? "max" : "300");
    const exited = once(child, "exit") as Promise<[number | null, string | null]>;
    const complaint = text(child.stderr!);
    if (!isLast) {
      const before = await uploadsSent(name);
      while (child.exitCode === null && (await uploadsSent(name)) <= before) await sleep(10);
      await sleep(random() * 500);
      if (child.kill("SIGKILL")) kills++;
    }
    [code] = await exited;
    if (code !== 0 && code !== null) throw new Error(`the replay failed: ${await complaint}`);
  }
  expect(kills).toBe(KILLS);
  await expectWhole(name);
});

test("devices stopped by Ctrl-C say so, and go on from there", { timeout: 240_000 }, async () => {
  const name = `stopped-${process.pid}`;
  const first = startReplay(name, "300");
  const [firstExit, firstTold] = [once(first, "exit"), json(first.stdout!)];
  while (first.exitCode === null && (await uploadsSent(name)) < 1) await sleep(10);
  first.kill("SIGINT");
  const told = (await firstTold) as Told;
  expect((await firstExit)[0]).toBe(130);
  expect(told).toMatchObject({ name, devices: COPIES, complete: false });
  const second = startReplay(name, "max");
  const [secondExit, secondTold] = [once(second, "exit"), json(second.stdout!)];
  const rest = (await secondTold) as Told;
  expect((await secondExit)[0]).toBe(0);
  expect(rest.complete).toBe(true);
  expect(rest.sent.uploads).toBe(rest.uploads - told.uploads);
  await expectWhole(name);
});
