/**
 * Which alerts are due, from the uploads alone: the job run plainly, in one thread and without faults, over the readings that were
 * judged. Which ones came too late for that depends on the run, and it says so in `late-uploads`; nothing else does, but for
 * signals lost while tasks were down.
 */
import { isDeepStrictEqual } from "node:util";
import { healthAlerts } from "../../jobs/health-alerts.ts";
import { DEFAULT_RULES } from "../../jobs/lib/health/default-rules.ts";
import type { KafkaConnection } from "../../runtime/config.ts";
import { createProducer } from "../../runtime/kafka/producer.ts";
import { type InputRecord, sequential } from "../../runtime/testing/index.ts";
import { seconds } from "../../runtime/time.ts";
import { Alert, HealthRules, Upload } from "../../schemas/index.ts";
import { RULES } from "../platform/alerts.ts";
import { UPLOADS } from "../replay/topics.ts";
import type { LogRecord } from "./log-reader.ts";
import { told } from "./verdict.ts";

/** For whoever is in no race, as the trackers are: so strict that healthy runners raise, escalate and clear alerts all the time. */
export const STRICT_RULES: HealthRules = {
  ...DEFAULT_RULES,
  hrLimit: 165,
  hrHysteresis: 2,
  hrSustainedMs: seconds(10),
  hrCalmMs: seconds(5),
  dropBpm: 15,
  stuckMs: seconds(20),
  escalateAfterMs: seconds(30),
};

/** To be written before the first upload: readings are judged by the rules that are known then. */
export async function announceStrictRules(kafka: KafkaConnection): Promise<void> {
  const producer = await createProducer(kafka, { clientId: "chaos-rules" });
  try {
    await producer.send(RULES, 0, STRICT_RULES.event, HealthRules.encode(STRICT_RULES), Date.now());
    await producer.flush();
  } finally {
    await producer.close();
  }
}

/** @param late readings that came when later ones of their device had been judged */
export function alertsDue(
  rules: readonly LogRecord[],
  uploads: readonly Upload[],
  late: readonly Upload[],
): readonly Alert[] {
  const input: InputRecord[] = rules.map(({ key, value }) => ({
    topic: RULES,
    key: key!.toString(),
    value,
    atMs: Number.NEGATIVE_INFINITY,
  }));
  for (const upload of judged(uploads, late)) {
    const atMs = upload.readings.at(-1)!.tsMs;
    input.push({ topic: UPLOADS, key: upload.participant, value: Upload.encode(upload), atMs });
  }
  return sequential(healthAlerts(), input).values("alerts", Alert);
}

/** Each upload once, without its late readings. */
function judged(uploads: readonly Upload[], late: readonly Upload[]): Upload[] {
  const idOf = ({ device, id }: Upload, tsMs: number) => `${device}/${id}/${tsMs}`;
  const lateIds = new Set(late.flatMap((upload) => upload.readings.map(({ tsMs }) => idOf(upload, tsMs))));
  const unique = new Map(uploads.map((upload) => [`${upload.device}/${upload.id}`, upload]));
  return [...unique.values()].flatMap((upload) => {
    const readings = upload.readings.filter(({ tsMs }) => !lateIds.has(idOf(upload, tsMs)));
    return readings.length === 0 ? [] : [{ ...upload, readings }];
  });
}

/** Every transition of every alert, to the last field, but for lost signals. */
export function judgeAlertsDue(found: readonly Alert[], due: readonly Alert[]): string[] {
  const [is, should] = [livesOf(found), livesOf(due)];
  const problems: string[] = [];
  if (should.size === 0) problems.push("none was due: the run shows nothing of them");
  for (const id of new Set([...is.keys(), ...should.keys()])) {
    const [life, wanted] = [is.get(id) ?? [], should.get(id) ?? []];
    if (isDeepStrictEqual(life, wanted)) continue;
    const [states, wantedStates] = [life, wanted].map(
      (all) => all.map(({ state }) => state).join(", ") || "absent",
    );
    problems.push(
      states === wantedStates
        ? `${id} is ${JSON.stringify(life)}, should be ${JSON.stringify(wanted)}`
        : `${id} was ${states}, should have been ${wantedStates}`,
    );
  }
  return told("alerts", problems);
}

const livesOf = (alerts: readonly Alert[]): Map<string, Alert[]> =>
  Map.groupBy(
    alerts.filter(({ kind }) => kind !== "lost_signal"),
    ({ id }) => id,
  );
