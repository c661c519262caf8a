/** `pace dead-letters`: records that a job or the sink set apart, and why. Reads Kafka itself. */
import { Command } from "commander";
import { PacestreamError } from "../../../runtime/errors.ts";
import { deadLetterTopic } from "../../../runtime/graph/topics.ts";
import type { DeadLetter } from "../../../schemas/index.ts";
import { dataOption, jsonOption, parseLimit } from "../options.ts";
import { print, table } from "../output.ts";
import { findKafka } from "../places.ts";

interface Options {
  readonly data: string;
  readonly limit: number;
  readonly json?: boolean;
}

const TEXT_MAX = 60;
const POLL_MS = 200;

export function deadLettersCommand(): Command {
  return new Command("dead-letters")
    .description("list the records that could not be processed, with the reason")
    .argument("[job]", "whose", "marathon-leaderboard")
    .option("--limit <n>", "the last this many", parseLimit, 100)
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (job: string, options: Options) => {
      const letters = (await readDeadLetters(job, options)).slice(-options.limit);
      const plain = letters.map(({ key, value, ...rest }) => ({
        ...rest,
        key: text(key),
        value: value?.toString("base64") ?? null,
      }));
      print(options.json, plain, () => {
        if (letters.length === 0) return `The job ${job} has set nothing apart.`;
        const rows = letters.map((letter) => [
          new Date(letter.timestampMs).toISOString(),
          `${letter.topic}/${letter.partition}@${letter.offset}`,
          `${letter.stage}.${letter.step}`,
          text(letter.key)?.slice(0, TEXT_MAX) ?? "",
          letter.reason,
        ]);
        return table(["RECORDED", "RECORD", "STEP", "KEY", "REASON"], rows);
      });
    });
}

async function readDeadLetters(job: string, { data }: Options): Promise<DeadLetter[]> {
  const { describeTopics } = await import("../../../runtime/kafka/admin.ts");
  const { createPartitionReader } = await import("../../../runtime/kafka/reader.ts");
  const { DeadLetter: Letter } = await import("../../../schemas/index.ts");
  const kafka = findKafka(data);
  const topic = deadLetterTopic(job);
  const count = (await describeTopics(kafka, [topic])).get(topic);
  if (count === undefined) {
    throw new PacestreamError(
      "UNKNOWN_JOB",
      `there is no topic ${topic}: the job ${job} never ran here (pace jobs lists those that did)`,
    );
  }
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }));
  const reader = createPartitionReader(kafka, { clientId: "pace-dead-letters" });
  const letters: DeadLetter[] = [];
  try {
    const ranges = await reader.offsets(partitions);
    const left = new Map<number, number>(); // partition → end
    ranges.forEach(({ first, end }, partition) => {
      if (first < end) left.set(partition, end);
    });
    reader.assign(
      [...left.keys()].map((partition) => ({ topic, partition, offset: ranges[partition]!.first })),
    );
    while (left.size > 0) {
      for (const { partition, records, nextOffset } of await reader.poll(POLL_MS)) {
        while (records.next()) {
          if (records.valueStart >= 0)
            letters.push(Letter.decode(records.buffer, records.valueStart, records.valueEnd));
        }
        if (nextOffset >= (left.get(partition) ?? 0)) left.delete(partition);
      }
    }
  } finally {
    await reader.close();
  }
  return letters.sort((a, b) => a.timestampMs - b.timestampMs);
}

function text(bytes: Buffer | null): string | null {
  return bytes?.toString("utf8") ?? null;
}
