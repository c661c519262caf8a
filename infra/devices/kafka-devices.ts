/** A field of devices from files, played into Kafka. Main thread only. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { LineProblem } from "../../jobs/lib/race-folder.ts";
import type { KafkaConnection } from "../../runtime/config.ts";
import { ensureMissing, playLog } from "../replay/kafka-play.ts";
import { type PlayOptions, type PlayResult, perform } from "../replay/play.ts";
import { openRecording } from "../replay/recording.ts";
import { UPLOAD_TOPICS, UPLOADS } from "../replay/topics.ts";
import { DeviceProgress, devicePlay } from "./device-play.ts";
import type { FaultRates } from "./faults.ts";
import { copiesOf, type Field } from "./field.ts";
import { raceField } from "./race-field.ts";
import type { OnPointProblem } from "./recording-error.ts";
import { findRecordings, readRecording } from "./recording-file.ts";
import { UploadPlan } from "./upload-plan.ts";

export interface FieldOptions {
  /** Files, or folders of them. */
  readonly recordings: readonly string[];
  /** A race's folder: its field wears the devices. Else there are copies. */
  readonly race?: string | undefined;
  /** How many of the race's field wear one, at most; `undefined`: all. */
  readonly wearers?: number | undefined;
  /** Of each recording. */
  readonly copies: number;
  /** Of copies; `undefined`: one that differs for everything else that is played. */
  readonly name?: string | undefined;
  /** When the first copies begin, Unix milliseconds; `undefined`: when the first recording did. */
  readonly startMs?: number | undefined;
  readonly spreadMs: number;
  readonly seed: number;
  readonly rates: FaultRates;
  readonly periodMs: number;
}

export interface Problems {
  readonly onPoint: OnPointProblem;
  readonly onLine: (problem: LineProblem) => void;
}

export interface DeviceField {
  readonly name: string;
  readonly fingerprint: string;
  readonly field: Field;
  readonly plan: UploadPlan;
}

/** @throws RecordingError, RaceFolderError when something cannot be read. */
export async function openField(options: FieldOptions, problems: Problems): Promise<DeviceField> {
  const { recordings, race, wearers, copies, seed, rates, periodMs, spreadMs } = options;
  const files = findRecordings(recordings);
  const hash = createHash("sha256");
  const tracks = [];
  for (const file of files) {
    tracks.push(await readRecording(file, problems.onPoint));
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    hash.update("\0");
  }
  const startMs = options.startMs ?? tracks[0]!.startMs;
  hash.update(JSON.stringify({ seed, rates, periodMs, wearers }));
  if (race !== undefined) {
    const reads = await openRecording(race, problems.onLine);
    hash.update(reads.fingerprint);
    const field = await raceField(reads, tracks, seed, wearers);
    return { name: reads.race.id, fingerprint: hash.digest("hex"), field, plan: planOf(field) };
  }
  hash.update(JSON.stringify({ copies, startMs, spreadMs, name: options.name }));
  const fingerprint = hash.digest("hex");
  const name = options.name ?? fingerprint.slice(0, 10);
  const field = copiesOf(tracks, { seed, copies, name, startMs, spreadMs });
  return { name, fingerprint, field, plan: planOf(field) };

  function planOf(of: Field): UploadPlan {
    return new UploadPlan({ field: of, seed, rates, periodMs });
  }
}

/** Sends what is left of the field's uploads: see `perform`. */
export async function playDevicesIntoKafka(
  kafka: KafkaConnection,
  { name, fingerprint, field, plan }: DeviceField,
  options: Omit<PlayOptions<DeviceProgress>, "log">,
): Promise<PlayResult<DeviceProgress>> {
  const partitions = (await ensureMissing(kafka, UPLOAD_TOPICS)).get(UPLOADS)!;
  const play = devicePlay({ name, fingerprint, plan, clockZeroMs: field.clockZeroMs, partitions });
  return perform(play, { ...options, log: playLog(kafka, DeviceProgress) });
}
