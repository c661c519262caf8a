/**
 * Bad input into the job's topics, on the whole program with a real Kafka and a real ClickHouse: every record ends as a dead
 * letter or as an outcome with a reason, and good ones around them come out as if the bad ones were not there. Also after a
 * kill -9: what was survived once must not stop the next start.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { deadLetterTopic } from "../../runtime/graph/topics.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { createProducer, type IdempotentProducer } from "../../runtime/kafka/producer.ts";
import {
  Correction,
  CorrectionOutcome,
  DeadLetter,
  Entrant,
  PassingOutcome,
  Race,
  TimingMessage,
} from "../../schemas/index.ts";
import { connections, Program } from "../acceptance/program.ts";
import { sql } from "../acceptance/standings-of.ts";
import { readLog } from "../chaos/log-reader.ts";
import { HOSTILE_TEXTS, hostileBytes } from "./corpus.ts";

const PARTITIONS = 4;
const TIMEOUT_MS = 300_000;
const DAY_MS = 86_400_000;
const RACE: Race = {
  id: "good",
  name: "Good",
  date: "2024-05-05",
  timezone: "UTC",
  gunMs: 36_000_000,
  rankBy: "net",
  distanceM: 10_000,
  mats: [
    { id: "start", distanceM: 0 },
    { id: "5k", distanceM: 5_000 },
    { id: "finish", distanceM: 10_000 },
  ],
  overdueAfterMs: 1_800_000,
  dnfAfterMs: 7_200_000,
};
const RUNNERS = 40;

const dataDir = mkdtempSync(join(tmpdir(), "pacestream-bad-"));
let program: Program | undefined;
let producer: IdempotentProducer | undefined;

afterAll(async () => {
  await producer?.close();
  if (program && !program.ended) await program.kill();
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

const passing = (
  bib: string,
  mat: string,
  timeMs: number,
  other: Partial<TimingMessage> = {},
  id = `${bib}-${mat}`,
) => TimingMessage.encode({ race: RACE.id, receivedMs: timeMs, read: { id, bib, mat, timeMs }, ...other });

/** Records of the corpus by topic; each is bad. What is judged instead of set apart has its read's id in `judged`. */
function badRecords(): {
  topic: string;
  partition: number;
  key: Buffer | string | null;
  value: Buffer | null;
}[] {
  const good = passing("7", "5k", 37_000_000);
  const random = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 400 }), { seed: 4, numRuns: 60 });
  const bytes = [...hostileBytes(good), ...random.map((one) => Buffer.from(one))];
  const isTimingMessage = (value: Buffer) => {
    try {
      TimingMessage.decode(value);
      return true;
    } catch {
      return false;
    }
  };
  const records = bytes
    .filter((value) => !isTimingMessage(value))
    .map((value, i) => ({ topic: "passings", partition: i % PARTITIONS, key: "bad", value }));
  const text = (value: string | null) => value;
  const year2999 = Date.UTC(2999, 0, 1);
  const at = (bib: string) => partitionOf(`${RACE.id}/${bib}`, PARTITIONS);
  const semantic: (readonly [string, string, Buffer | null])[] = [
    // What would be a heartbeat of the year 2999 must not carry the race's clock away.
    ["passings", "1", TimingMessage.encode({ race: RACE.id, receivedMs: year2999, read: null })],
    ["passings", "1", passing("1", "5k", year2999, {}, "2999")],
    ["passings", "1", passing("1", "5k", -year2999, {}, "before all")],
    ["passings", "1", passing("1", "5k", 37_000_000, { receivedMs: 2 ** 53 - 4096 }, "max")],
    ["passings", "1", passing("1", "5k", 37_000_000, {}, "x".repeat(400_000))],
    ["passings", "1", passing("1", "m".repeat(400_000), 37_000_000, {}, "long mat")],
    ["passings", "1", null],
    ["entrants", "1", Buffer.from("{}")],
    [
      "entrants",
      "1",
      Entrant.encode({ race: RACE.id, bib: "1", gender: "g".repeat(300_000), division: "", country: "" }),
    ],
    ["entrants", "1", Entrant.encode({ race: RACE.id, bib: "", gender: "", division: "", country: "" })],
    ["corrections", "1", Buffer.from([0xff])],
    [
      "corrections",
      "1",
      Correction.encode({
        race: RACE.id,
        bib: "1",
        id: "c",
        kind: "add",
        read: null,
        mat: "5k",
        timeMs: year2999,
        reason: "",
        enteredMs: 1,
      }),
    ],
  ];
  const placed = semantic.map(([topic, bib, value]) => ({
    topic,
    partition: at(bib),
    key: text(`${RACE.id}/${bib}`),
    value,
  }));
  const longBib = "b".repeat(300_000);
  const elsewhere = (at("1") + 1) % PARTITIONS;
  return [
    ...records,
    ...placed,
    { topic: "passings", partition: at(longBib), key: longBib, value: passing(longBib, "5k", 37_000_000) },
    // As large as a client may send, with a key of half a megabyte.
    { topic: "passings", partition: 0, key: "k".repeat(500_000), value: Buffer.alloc(470_000, 0x42) },
    // In another partition than its key's.
    {
      topic: "passings",
      partition: elsewhere,
      key: null,
      value: passing("1", "5k", 37_000_000, {}, "misplaced"),
    },
  ];
}

/** Judged, not set apart: odd, but somebody's read. By id: what must be said of it. */
const ODD: readonly (readonly [id: string, bib: string, timeMs: number, fate: RegExp])[] = [
  ["1970", "2", 0, /questionable/],
  ["before midnight", "3", -1_000, /questionable/],
  ["days later", "4", 3 * DAY_MS, /questionable|repeated/],
  ["5-5k", "5", 40_000_000, /counted/], // the id of a good read again, with another time: the first stays
  ...HOSTILE_TEXTS.filter((bib) => bib !== "" && bib.length <= 100 && bib.isWellFormed()).map(
    (bib, i) => [`hostile ${i}`, bib, 37_000_000, /unknown_bib/] as const,
  ),
];

async function decodedAll<T>(
  kafka: Parameters<typeof readLog>[0],
  topic: string,
  codec: { decode(bytes: Buffer): T },
): Promise<T[]> {
  return (await readLog(kafka, topic)).flatMap(({ value }) => (value === null ? [] : codec.decode(value)));
}

it("bad records are set apart or judged, each with a reason, and good ones around them are unharmed", {
  timeout: TIMEOUT_MS,
}, async () => {
  program = new Program(["--no-replay", "--data", dataDir, "--port", "0"]);
  await program.line((line) => line.includes("is ready"));
  const { kafka, clickHouse } = connections(dataDir);
  producer = await createProducer(kafka, { clientId: "bad-input" });
  const send = async (topic: string, bib: string, value: Buffer, race = RACE.id) =>
    producer!.send(topic, partitionOf(`${race}/${bib}`, PARTITIONS), `${race}/${bib}`, value, Date.now());

  // A table's record that cannot be read is set apart; others of it stay.
  await producer.send("races", 0, RACE.id, Race.encode(RACE), Date.now());
  const badRaces = hostileBytes(Race.encode(RACE));
  for (const value of badRaces) await producer.send("races", 0, "bad", value, Date.now());
  await producer.send("races", 0, "tombstone", null, Date.now());
  await producer.flush();
  // Without a key there is nothing to compact by: the broker refuses it, and says so.
  await producer.send("races", 0, null, Race.encode({ ...RACE, id: "keyless" }), Date.now());
  await expect(producer.flush()).rejects.toThrow(/races.*failed to validate record/);
  const senseless = { ...RACE, id: "senseless", distanceM: Number.NaN, mats: [] };
  await producer.send("races", 0, senseless.id, Race.encode(senseless), Date.now());

  const bibs = Array.from({ length: RUNNERS }, (_, i) => String(i + 1));
  for (const bib of bibs)
    await send(
      "entrants",
      bib,
      Entrant.encode({ race: RACE.id, bib, gender: "F", division: "30", country: "" }),
    );
  await send(
    "entrants",
    "1",
    Entrant.encode({ race: senseless.id, bib: "1", gender: "", division: "", country: "" }),
    senseless.id,
  );
  await send("passings", "1", passing("1", "5k", 37_000_000, { race: senseless.id }), senseless.id);
  // Takes somebody off the list who never was on it: nothing bad about that.
  await producer.send(
    "entrants",
    partitionOf(`${RACE.id}/nobody`, PARTITIONS),
    `${RACE.id}/nobody`,
    null,
    Date.now(),
  );

  const bad = badRecords();
  expect(bad.length).toBeGreaterThan(70);
  const apart = bad.length + badRaces.length;
  const good = bibs.flatMap((bib, i) =>
    RACE.mats.map(({ id }, mat) => ({ bib, mat: id, timeMs: 36_100_000 + mat * 1_500_000 + i * 1_000 })),
  );
  good.sort((a, b) => a.timeMs - b.timeMs);
  const odd = [...ODD];
  // One bad one after each good one, while there are any.
  for (const [index, { bib, mat, timeMs }] of good.entries()) {
    await send("passings", bib, passing(bib, mat, timeMs));
    const record = bad[index];
    if (record) await producer.send(record.topic, record.partition, record.key, record.value, Date.now());
    const strange = mat === "finish" ? odd.shift() : undefined;
    if (strange)
      await send(
        "passings",
        strange[1],
        passing(strange[1], "5k", strange[2], { receivedMs: timeMs }, strange[0]),
      );
  }
  expect(good.length).toBeGreaterThanOrEqual(bad.length);
  for (const [id, bib, timeMs] of odd)
    await send("passings", bib, passing(bib, "5k", timeMs, { receivedMs: 40_000_000 }, id));
  await send(
    "corrections",
    "6",
    Correction.encode({
      race: RACE.id,
      bib: "6",
      id: "'; DROP TABLE passings; --",
      kind: "void",
      read: "nobody's",
      mat: "5k",
      timeMs: null,
      reason: "<script>",
      enteredMs: 1,
    }),
  );
  await producer.flush();

  const lastOutcomes = async () =>
    new Map(
      (await decodedAll(kafka, "passing-outcomes", PassingOutcome))
        .filter(({ race }) => race === RACE.id)
        .map((outcome) => [outcome.id, outcome]),
    );
  const lettersNow = async () =>
    (await decodedAll(kafka, deadLetterTopic("marathon-leaderboard"), DeadLetter)).filter(
      ({ value }) => !value?.includes(senseless.id),
    );
  const expectAll = async () => {
    await expect
      .poll(async () => (await lettersNow()).length, { timeout: 60_000 })
      .toBeGreaterThanOrEqual(apart);
    await expect
      .poll(async () => (await lastOutcomes()).size, { timeout: 60_000 })
      .toBeGreaterThanOrEqual(good.length + ODD.length - 1);

    const letters = await lettersNow();
    const places = letters.map(({ topic, partition, offset }) => `${topic}/${partition}/${offset}`);
    expect(new Set(places).size).toBe(places.length);
    expect(
      places.length,
      letters.map(({ step, reason }) => `${step}: ${reason.slice(0, 60)}`).join("\n"),
    ).toBe(apart);
    for (const { reason } of letters) expect(reason.length).toBeGreaterThan(3);

    const outcomes = await lastOutcomes();
    for (const { bib, mat, timeMs } of good)
      expect(outcomes.get(`${bib}-${mat}`), `${bib} at ${mat}`).toMatchObject({
        fate: "counted",
        timeS: timeMs / 1000,
      });
    for (const [id, , , fate] of ODD) {
      const outcome = outcomes.get(id);
      expect(outcome?.fate, id).toMatch(fate);
      if (outcome?.fate !== "counted") expect(outcome?.reason, id).not.toBe("");
    }
    const corrections = await decodedAll(kafka, "correction-outcomes", CorrectionOutcome);
    expect(corrections.find(({ bib }) => bib === "6")).toMatchObject({
      applied: false,
      refusal: expect.stringMatching(/./),
    });
  };
  await expectAll();

  // What the last outcomes lead to is in ClickHouse a moment after they are in Kafka.
  const finishers = async () =>
    (
      await sql<{ bib: string }>(
        clickHouse,
        "SELECT bib FROM standings WHERE race = {race: String} AND mat = 'finish'",
        { race: RACE.id },
      )
    ).length;
  await expect.poll(finishers, { timeout: 60_000 }).toBe(RUNNERS);
  const hostile = ODD.filter(([id]) => id.startsWith("hostile")).map(([, bib]) => bib);
  const hostileRows = async () => {
    const rows = await sql<{ bib: string }>(
      clickHouse,
      "SELECT bib FROM passings WHERE race = {race: String} AND startsWith(id, 'hostile')",
      { race: RACE.id },
    );
    return new Set(rows.map(({ bib }) => bib));
  };
  await expect.poll(hostileRows, { timeout: 60_000 }).toEqual(new Set(hostile));

  await producer.close();
  await program.kill();
  program = new Program(["--no-replay", "--data", dataDir, "--port", "0"]);
  await program.line((line) => line.includes("is ready"));
  producer = await createProducer(connections(dataDir).kafka, { clientId: "bad-input" });
  await send("passings", "1", passing("1", "finish", 39_200_000, {}, "again"));
  await producer.flush();
  await expect
    .poll(async () => (await lastOutcomes()).get("again")?.fate, { timeout: 60_000 })
    .toBe("repeated");
  await expectAll();
});
