/**
 * What the jobs of devices made of the trackers' uploads, against the uploads alone. Which readings are late depends on when
 * they were read, so it is no matter of the oracle; that each is counted once, or said to be late once, is.
 *
 * DV1  Of each participant, the readings of uploads (one sent twice counts once) are as many as those in ten-second windows, by
 *      each window's last result, and those said to have missed one.
 * DV2  Results of a window are numbered from 0, each number once.
 * DV3  An alert goes through its states in their order, into each at most once.
 * DV4  Alerts are those that are due by the readings that were judged: each transition, to the last field, lost signals excepted.
 * DV5  ClickHouse holds exactly the committed records, offset by offset, each once; nothing is set apart as a dead letter.
 */
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { deadLetterTopic } from "../../runtime/graph/topics.ts";
import { Alert, LateReading, ReadingWindow, Upload } from "../../schemas/index.ts";
import { RULES } from "../platform/alerts.ts";
import { DEVICE_TABLES } from "../platform/devices.ts";
import { alertsDue, judgeAlertsDue } from "./alerts-due.ts";
import { type LogRecord, readLog } from "./log-reader.ts";
import { judgeDeadLetters, judgeTable, told, type Verdict } from "./verdict.ts";

const JOBS = ["windowed-aggregates", "health-alerts"];
/** Of the windows that are counted in: they say nothing before they close. */
const SIZE = "10s";
const LATE_UPLOADS = "late-uploads";
const STATES = ["raised", "escalated", "acknowledged", "cleared"] as const;

export async function judgeDevices(
  kafka: KafkaConnection,
  clickHouse: ClickHouseConnection,
): Promise<Verdict> {
  const violations: string[] = [];
  const compared: Record<string, number> = {};
  const logs = new Map<string, readonly LogRecord[]>();
  for (const { topic, table } of DEVICE_TABLES) {
    const records = await readLog(kafka, topic);
    logs.set(topic, records);
    compared[topic] = records.length;
    violations.push(...(await judgeTable(clickHouse, topic, table, records)));
  }
  const values = <T>(topic: string, codec: { decode(bytes: Buffer): T }) =>
    logs.get(topic)!.flatMap(({ value }) => (value === null ? [] : codec.decode(value)));
  const windows = values("reading-windows", ReadingWindow);
  const uploads = values("uploads", Upload);
  const alerts = values("alerts", Alert);
  const late = (await readLog(kafka, LATE_UPLOADS)).map(({ value }) => Upload.decode(value!));
  violations.push(
    ...judgeReadings(uploads, windows, values("late-readings", LateReading)),
    ...judgeRevisions(windows),
    ...judgeAlerts(alerts),
    ...judgeAlertsDue(alerts, alertsDue(await readLog(kafka, RULES), uploads, late)),
  );
  for (const job of JOBS)
    violations.push(...judgeDeadLetters(await readLog(kafka, deadLetterTopic(job)), []));
  return { violations, compared };
}

/** DV1. */
export function judgeReadings(
  uploads: readonly Upload[],
  windows: readonly ReadingWindow[],
  late: readonly LateReading[],
): string[] {
  const sent = new Counts();
  const seen = new Set<string>();
  for (const { participant, device, id, readings } of uploads) {
    const upload = `${device}/${id}`;
    if (!seen.has(upload)) sent.add(participant, readings.length);
    seen.add(upload);
  }
  const last = new Map<string, ReadingWindow>();
  for (const window of windows) {
    const id = idOf(window);
    if (window.size === SIZE && window.revision >= (last.get(id)?.revision ?? 0)) last.set(id, window);
  }
  const counted = new Counts();
  for (const { participant, readings } of last.values()) counted.add(participant, readings);
  for (const { participant, missed } of late)
    if (missed === SIZE || missed === "future" || missed === "undated") counted.add(participant, 1);
  const problems: string[] = [];
  for (const participant of new Set([...sent.keys(), ...counted.keys()])) {
    const [is, should] = [counted.of(participant), sent.of(participant)];
    if (is !== should)
      problems.push(`of ${participant} ${is} are in windows or late, ${should} were uploaded`);
  }
  return told("readings", problems);
}

/** DV2. */
export function judgeRevisions(windows: readonly ReadingWindow[]): string[] {
  const next = new Map<string, number>();
  const problems: string[] = [];
  for (const window of windows) {
    const id = idOf(window);
    const expected = next.get(id) ?? 0;
    if (window.revision !== expected)
      problems.push(`${id} has result ${window.revision}, should be ${expected}`);
    next.set(id, window.revision + 1);
  }
  return told("windows", problems);
}

/** DV3. */
export function judgeAlerts(alerts: readonly Alert[]): string[] {
  const last = new Map<string, number>();
  const problems: string[] = [];
  for (const { id, state } of alerts) {
    const step = STATES.indexOf(state);
    const before = last.get(id);
    if (before !== undefined && step <= before) problems.push(`${id} is ${state} after ${STATES[before]}`);
    last.set(id, step);
  }
  return told("alerts", problems);
}

const idOf = ({ participant, size, startMs }: ReadingWindow): string => `${participant}/${size}/${startMs}`;

class Counts extends Map<string, number> {
  of(key: string): number {
    return this.get(key) ?? 0;
  }

  add(key: string, count: number): void {
    this.set(key, this.of(key) + count);
  }
}
