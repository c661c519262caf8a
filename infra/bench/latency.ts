/**
 * `npm run bench -- latency`: from a passing produced to the event in a spectator's browser, in the thick of a race.
 *
 * The race is brought to its thick at top speed, then goes on at the speed asked for. A passing's time is the Kafka timestamp
 * of its read, set just before it was sent; the event's is when the stream of that runner's followers told of the split. Both
 * by one clock. Every read that the followed runners had is counted, also those that came late or never (`missed`): nobody
 * waits for an answer before the next read is sent, so there is no coordinated omission.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "hdr-histogram-js";
import type { KafkaConnection } from "../../runtime/config.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { TimingMessage } from "../../schemas/index.ts";
import { connections, Program, pause } from "../acceptance/program.ts";
import { replayIntoKafka } from "../replay/kafka-replay.ts";
import { openRecording } from "../replay/recording.ts";
import { follow } from "./follow.ts";

export interface LatencyBench {
  readonly race: string;
  readonly speed: number;
  readonly followed: number;
  /** Reads of the followed runners in the measured time. */
  readonly passings: number;
  /** Those that no event told of within ten seconds. */
  readonly missed: number;
  /** All reads sent in the measured time, a second. */
  readonly passingsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface LatencyOptions {
  readonly folder: string;
  readonly speed: number;
  /** Reads sent at top speed first. */
  readonly skipReads: number;
  readonly seconds: number;
  readonly followers: number;
}

const SETTLE_MAX_MS = 60_000;

export async function benchLatency(options: LatencyOptions): Promise<LatencyBench> {
  const { folder, speed, skipReads, followers } = options;
  const dataDir = mkdtempSync(join(tmpdir(), "pacestream-bench-"));
  const program = new Program(["--no-replay", "--no-trackers", "--data", dataDir]);
  try {
    await program.line((line) => line.includes("is ready"));
    const { kafka, api } = connections(dataDir);
    const recording = await openRecording(folder, () => {});
    const race = recording.race.id;
    const run = async (pace: number | "max", until: (reads: number) => boolean): Promise<number> => {
      const abort = new AbortController();
      const { progress } = await replayIntoKafka(kafka, {
        recording,
        fingerprint: recording.fingerprint,
        speed: pace,
        signal: abort.signal,
        onProgress: ({ reads }) => {
          if (until(reads)) abort.abort();
        },
      });
      return progress.reads;
    };
    const skipped = await run("max", (reads) => reads >= skipReads);
    await settled(api, race);

    // Whom to follow: runners who will pass a mat while it is measured, spread over that time.
    const bibs = await nextBibs(recording.passings(), skipped, Math.ceil(options.seconds * speed * 100));
    const chosen = new Set(
      bibs
        .filter((_, index) => index % Math.max(1, Math.floor(bibs.length / followers)) === 0)
        .slice(0, followers),
    );
    const following = await follow(api, race, [...chosen]);
    const seen = watchReads(kafka, race, chosen);
    await seen.ready;
    const began = performance.now();
    const reads = await run(speed, () => performance.now() - began > options.seconds * 1000);
    const tookS = (performance.now() - began) / 1000;
    await pause(10_000);
    const sent = await seen.stop();
    following.close();

    const histogram = build({ highestTrackableValue: 60_000, numberOfSignificantValueDigits: 3 });
    let missed = 0;
    for (const [id, sentMs] of sent) {
      const toldMs = following.told.get(id);
      if (toldMs === undefined) missed++;
      else histogram.recordValue(Math.max(0, Math.round(toldMs - sentMs)));
    }
    return {
      race,
      speed,
      followed: chosen.size,
      passings: sent.size,
      missed,
      passingsPerSecond: Math.round((reads - skipped) / tookS),
      p50Ms: histogram.getValueAtPercentile(50),
      p99Ms: histogram.getValueAtPercentile(99),
      maxMs: histogram.maxValue,
    };
  } finally {
    if (!program.ended) await program.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function describeLatency({
  race,
  speed,
  followed,
  passings,
  missed,
  passingsPerSecond,
  p50Ms,
  p99Ms,
  maxMs,
}: LatencyBench): string {
  return (
    `${race} at speed ${speed}, ${passingsPerSecond} passings/s: passing produced to SSE event p50 ${p50Ms} ms, p99 ${p99Ms} ms, ` +
    `max ${maxMs} ms (${passings} passings of ${followed} followed runners, ${missed} missed)`
  );
}

/** Until the board has stood still for two seconds. */
async function settled(api: string, race: string): Promise<void> {
  const deadlineMs = performance.now() + SETTLE_MAX_MS;
  let last = "";
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < 2_000) {
    const now = await (await fetch(`${api}/v1/races/${race}`)).text();
    if (now !== last) sinceMs = performance.now();
    last = now;
    if (performance.now() > deadlineMs)
      throw new Error(`the board of ${race} did not settle within ${SETTLE_MAX_MS / 1000} s`);
    await pause(200);
  }
}

/** Bibs of the reads after the first `skip`, each once, in their order. */
async function nextBibs(
  messages: AsyncIterable<TimingMessage> | Iterable<TimingMessage>,
  skip: number,
  take: number,
): Promise<string[]> {
  const bibs = new Set<string>();
  let index = 0;
  for await (const { read } of messages) {
    if (index++ < skip || !read) continue;
    if (index > skip + take) break;
    bibs.add(read.bib);
  }
  return [...bibs];
}

/** Notes when each read of these runners was sent, by `bib/mat`, from now on. */
function watchReads(kafka: KafkaConnection, race: string, bibs: ReadonlySet<string>) {
  const sent = new Map<string, number>();
  const reader = createPartitionReader(kafka);
  let stopped = false;
  const ready = (async () => {
    const partitions = Array.from({ length: await reader.partitionCount("passings") }, (_, partition) => ({
      topic: "passings",
      partition,
    }));
    const extents = await reader.offsets(partitions);
    reader.assign(partitions.map((partition, i) => ({ ...partition, offset: extents[i]!.end })));
  })();
  const watching = ready.then(async () => {
    while (!stopped) {
      for (const { records } of await reader.poll(100)) {
        while (records.next()) {
          const message = TimingMessage.decode(records.buffer, records.valueStart, records.valueEnd);
          if (!message.read || message.race !== race || !bibs.has(message.read.bib)) continue;
          const id = `${message.read.bib}/${message.read.mat}`;
          if (!sent.has(id)) sent.set(id, records.timestampMs);
        }
      }
    }
    await reader.close();
    return sent;
  });
  return {
    ready,
    stop: () => {
      stopped = true;
      return watching;
    },
  };
}
