/**
 * How health alerts are simulated: some people, a field of rules and profiles, devices that send twice, late and out of order, and
 * what must come of it.
 *
 * What readings say is the same in each run. Two things are not: whether a signal passes for lost while tasks are down, and whether
 * an acknowledgement comes before an alert escalates or is over. Of both it is held that they fit their input and make one
 * life of each alert.
 */
import type { InputRecord, Outcome, Random, SimulatedJob } from "../runtime/testing/index.ts";
import { same, sequential } from "../runtime/testing/index.ts";
import { Alert, AlertAcknowledgement, HealthRules, Profile, type Reading, Upload } from "../schemas/index.ts";
import healthAlerts from "./health-alerts.ts";
import { mayBecome } from "./lib/health/alert-states.ts";
import { DEFAULT_RULES } from "./lib/health/default-rules.ts";
import { readings, T0, uploads } from "./lib/health/example-uploads.ts";

const EVENT = "example";
const MINUTES = 60;
const LENGTH_MAX_S = 12 * MINUTES;
/** So many that there are some in each partition. */
const OTHERS = 40;
/** Rules and profiles are known long before anything is judged by them. */
const UPLOADS_FROM_MS = 4_000;
/** Well within the disorder that the job allows. */
const SWAP_CHANCE = 0.1;
const COURSE_M = 6_000;

const RULES: HealthRules = {
  ...DEFAULT_RULES,
  hrLimit: 170,
  hrSustainedMs: 100_000,
  lostAfterMs: 3_000,
  escalateAfterMs: 60_000,
  courseM: COURSE_M,
};

/** Something that goes wrong with somebody for a while. */
type Trouble = (second: number) => Partial<Reading>;
const TROUBLES: readonly Trouble[] = [
  (second) => ({ hr: 176 + (second % 5) }),
  () => ({ hr: 180 }),
  (second) => ({ hr: second % 13 === 0 ? 220 : 150 + (second % 7) }),
  (second) => ({ hr: 166 + (second % 9), cadence: 166 + (second % 9) }),
  (second) => ({ hr: 88 + (second % 5) }),
  (second) => ({ hr: second % 2 === 0 ? null : 151 + (second % 7) }),
];

function input(random: Random): InputRecord[] {
  const spanMs = random.pick([2_000, 6_000, 12_000]);
  const records: InputRecord[] = [];
  const rules = (fields: Partial<HealthRules>) => {
    const value = { ...RULES, ...fields };
    records.push({
      topic: "health-rules",
      key: value.event,
      value: HealthRules.encode(value),
      atMs: 0,
      atOnce: true,
    });
  };
  // Written before anything they hold for, so that all tasks change over at the same reading.
  rules({});
  if (random.chance(0.5)) rules({ event: EVENT, hrLimit: 174, fromMs: T0 + random.between(0, 600) * 1000 });
  const people = Array.from({ length: random.between(1, 6) }, (_, n) => `${EVENT}/${n + 1}`);
  for (const participant of people) {
    if (random.chance(0.5)) {
      const hrLimit = random.pick([null, 160, 178]);
      const value = Profile.encode({ participant, fromMs: T0 + random.between(-600, 600) * 1000, hrLimit });
      records.push({ topic: "profiles", key: participant, value, atMs: 0, atOnce: true });
    }
    const [lengthS, all] = person(random, participant);
    const atOf = (upload: Upload) =>
      UPLOADS_FROM_MS + Math.floor(((upload.sentMs - T0) / (lengthS * 1000)) * spanMs);
    for (const [index, upload] of all.entries()) {
      const record = {
        topic: "uploads",
        key: participant,
        value: Upload.encode(upload),
        // Each after the one before it, whatever their times say.
        atMs: atOf(upload) + index / 1000,
      };
      records.push(record);
      if (random.chance(0.05)) records.push({ ...record, atMs: record.atMs + random.between(0, 500) });
    }
    for (let nth = random.between(0, 3); nth > 0; nth--)
      records.push(acknowledgement(random, participant, spanMs));
  }
  // Last of all, in each partition, others that nothing happens to: time comes to where everybody is judged.
  for (let n = 0; n < OTHERS; n++) {
    const participant = `other/${n}`;
    const [upload] = uploads(readings(LENGTH_MAX_S + 60, LENGTH_MAX_S + 61), 1, { participant, event: null });
    const atMs = UPLOADS_FROM_MS + spanMs + 100;
    records.push({ topic: "uploads", key: participant, value: Upload.encode(upload!), atMs });
  }
  return records;
}

function person(random: Random, participant: string): [lengthS: number, all: Upload[]] {
  const lengthS = random.between(3, LENGTH_MAX_S / MINUTES) * MINUTES;
  const troubles = Array.from({ length: random.between(0, 3) }, () => {
    const from = random.between(0, lengthS);
    return { from, until: from + random.between(20, 300), what: random.pick(TROUBLES) };
  });
  const stopS = random.chance(0.3) ? random.between(60, lengthS) : lengthS;
  const speed = random.pick([3, 12]);
  const all = readings(0, lengthS, (second) => {
    const trouble = troubles.find(({ from, until }) => second >= from && second < until);
    return { distanceM: Math.min(second, stopS) * speed, ...trouble?.what(second) };
  });
  const event = random.chance(0.85) ? EVENT : null;
  const sent = uploads(all, random.pick([1, 2, 4]) * 15, { participant, event });
  return [lengthS, random.chance(0.5) ? sent : swapped(random, participant, all, event)];
}

/** In small uploads, some of which come after the next one. */
function swapped(random: Random, participant: string, all: Reading[], event: string | null): Upload[] {
  const sent = uploads(all, 4, { participant, event });
  for (let i = 0; i + 1 < sent.length; i += 2)
    if (random.chance(SWAP_CHANCE)) [sent[i], sent[i + 1]] = [sent[i + 1]!, sent[i]!];
  return sent;
}

/** Of an alert that there may be: the first of its kind that began at a full minute, or of none. */
function acknowledgement(random: Random, participant: string, spanMs: number): InputRecord {
  const kind = random.pick(["high_heart_rate", "no_motion", "stuck_sensor"]);
  const id = `${participant}/${kind}/${T0 + random.between(0, 600) * 1000}`;
  const value = AlertAcknowledgement.encode({ id, participant, by: "medic", atMs: T0, note: null });
  return {
    topic: "alert-acknowledgements",
    key: participant,
    value,
    atMs: random.between(0, UPLOADS_FROM_MS + spanMs),
  };
}

function check(outcome: Outcome): void {
  const plain = sequential(healthAlerts, outcome.input);
  same("dead letters", outcome.deadLetters().length, plain.deadLetters().length);
  same("late uploads", outcome.records("late-uploads").length, plain.records("late-uploads").length);
  const [lives, wanted] = [livesOf(outcome), livesOf(plain)];
  const ofReadings = (all: Lives) => [...all.values()].filter(([first]) => first!.kind !== "lost_signal");
  same("alerts", stories(ofReadings(lives), outcome), stories(ofReadings(wanted), plain));
  checkAcknowledgements(outcome, lives);
  checkLost(outcome, lives);
}

type Lives = ReadonlyMap<string, readonly Alert[]>;

/** Transitions of each alert, each of them legal. */
function livesOf(outcome: Outcome): Lives {
  const lives = new Map<string, Alert[]>();
  for (const alert of outcome.values("alerts", Alert)) {
    const life = lives.get(alert.id) ?? [];
    const before = life.at(-1)?.state ?? "none";
    if (!mayBecome(before, alert.state)) throw new Error(`${alert.id} became ${alert.state} after ${before}`);
    lives.set(alert.id, [...life, alert]);
  }
  return lives;
}

/** What each alert is by its readings, to the last field; who took it on, and what that kept from happening, left out. */
function stories(all: readonly (readonly Alert[])[], outcome: Outcome): Record<string, unknown> {
  // A version is a place in the log, where transactions leave marks: which record it is does not depend on them.
  const versions = outcome.records("health-rules").map(({ offset }) => offset + 1);
  const which = (rules: number) => (rules === 0 ? "built in" : versions.indexOf(rules));
  const told = all.map((life): [string, unknown] => {
    const byReadings = life.filter(({ state }) => state === "raised" || state === "cleared");
    return [
      life[0]!.id,
      byReadings.map(
        ({ acknowledgedBy, acknowledgedMs, value, reason, readings, evidence, rules, ...rest }) => ({
          ...rest,
          rules: which(rules),
          // When cleared they stand as the escalation left them.
          ...(rest.state === "raised" && { value, reason, readings, evidence }),
        }),
      ),
    ];
  });
  return Object.fromEntries(told.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function checkAcknowledgements({ input }: Outcome, lives: Lives): void {
  const said = new Set(
    input
      .filter(({ topic }) => topic === "alert-acknowledgements")
      .map(({ value }) => AlertAcknowledgement.decode(value!).id),
  );
  for (const [id, life] of lives) {
    const acknowledged = life.some(({ state }) => state === "acknowledged");
    if (acknowledged && !said.has(id)) throw new Error(`${id} was acknowledged by nobody`);
    if (!acknowledged && said.has(id) && life.at(-1)!.state !== "cleared")
      throw new Error(`${id} was acknowledged, and does not know`);
  }
}

/** In the end everybody in the event who has not finished is lost, since their last reading; and nobody else is. */
function checkLost({ input }: Outcome, lives: Lives): void {
  const sent = new Map<string, Upload[]>();
  for (const { topic, key, value } of input)
    if (topic === "uploads") sent.set(key, [...(sent.get(key) ?? []), Upload.decode(value!)]);
  const lost = [...lives.values()].filter(([first]) => first!.kind === "lost_signal");
  for (const life of lost) {
    const { id, participant, sinceMs } = life[0]!;
    const uploadsOfPerson = sent.get(participant)!;
    if (!uploadsOfPerson.some(({ readings }) => readings.at(-1)!.tsMs === sinceMs))
      throw new Error(`${id} did not begin with the last reading of an upload`);
  }
  // With the rules built in nobody is lost so soon.
  if (!input.some(({ topic }) => topic === "health-rules")) return;
  for (const [participant, all] of sent) {
    const ordered = all.flatMap(({ readings }) => readings).sort((a, b) => a.tsMs - b.tsMs);
    const last = ordered.at(-1)!;
    const awaited = all[0]!.event !== null && last.distanceM! < 1.05 * COURSE_M;
    const open = lost.filter(
      (life) => life[0]!.participant === participant && life.at(-1)!.state !== "cleared",
    );
    same(
      `${participant} is lost since`,
      open.map(([first]) => first!.sinceMs),
      awaited ? [last.tsMs] : [],
    );
  }
}

export const simulation: SimulatedJob = { job: healthAlerts, input, check };
