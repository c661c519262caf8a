/**
 * `pace dead-letters`: records that a job or the sink set apart, and why. Reads Kafka itself, every topic `NAME.dead-letters`.
 */
import { Command } from "commander";
import { PacestreamError } from "../../../runtime/errors.ts";
import { deadLetterTopic } from "../../../runtime/graph/topics.ts";
import { type Letter, Newest, type Wanted } from "../newest-letters.ts";
import { dataOption, jsonOption, parseLimit } from "../options.ts";
import { print, table } from "../output.ts";
import { findKafka } from "../places.ts";

interface Options extends Wanted {
  readonly data: string;
  readonly limit: number;
  readonly json?: boolean;
}

const TEXT_MAX = 60;
const POLL_MS = 200;

export function deadLettersCommand(): Command {
  return new Command("dead-letters")
    .description("list the records that a job could not process, or ClickHouse did not take, with the reason")
    .argument("[name]", "whose: a job's name, or clickhouse-sink (default: all)")
    .option("--limit <n>", "the last this many", parseLimit, 100)
    .option("--topic <topic>", "of records of this topic")
    .option("--step <text>", "whose step contains this, such as a table's name")
    .option("--reason <text>", "whose reason contains this")
    .option("--key <text>", "whose key contains this, such as a bib")
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  pace dead-letters\n  pace dead-letters clickhouse-sink --reason nan --json\n\nWith --json each has its value as base64, cut where it is large (valueBytes says how long it was when it was set apart).",
    )
    .action(async (name: string | undefined, options: Options) => {
      const { letters, left } = await readDeadLetters(name, options);
      const plain = letters.map(({ key, value, ...rest }) => ({
        ...rest,
        key: text(key),
        value: value?.toString("base64") ?? null,
      }));
      print(options.json, plain, () => {
        if (letters.length === 0)
          return `${name ? `By ${name} nothing` : "Nothing"} of what is asked for was set apart.`;
        const rows = letters.map((letter) => [
          isoOf(letter.setApartMs),
          letter.job,
          `${letter.topic}/${letter.partition}@${letter.offset}`,
          `${letter.stage}.${letter.step}`,
          text(letter.key)?.slice(0, TEXT_MAX) ?? "",
          letter.reason,
        ]);
        const more = left > 0 ? `\n${left} older ones are not shown (--limit)` : "";
        return table(["SET APART", "BY", "RECORD", "STEP", "KEY", "REASON"], rows) + more;
      });
    });
}

async function readDeadLetters(
  name: string | undefined,
  { data, limit, ...wanted }: Options,
): Promise<{ letters: readonly Letter[]; left: number }> {
  const { describeTopics, topicNames } = await import("../../../runtime/kafka/admin.ts");
  const { createPartitionReader } = await import("../../../runtime/kafka/reader.ts");
  const { DeadLetter } = await import("../../../schemas/index.ts");
  const kafka = findKafka(data);
  const suffix = deadLetterTopic("");
  const all = (await topicNames(kafka)).filter((topic) => topic.endsWith(suffix));
  const found = name === undefined ? all : all.filter((topic) => topic === deadLetterTopic(name));
  if (name !== undefined && found.length === 0) {
    const names = all.map((topic) => topic.slice(0, -suffix.length)).sort();
    throw new PacestreamError(
      "UNKNOWN_JOB",
      `${name} never ran here, it has no topic ${deadLetterTopic(name)}; ${names.length > 0 ? `these have: ${names.join(", ")}` : "nobody has one"}`,
    );
  }
  const places = [...(await describeTopics(kafka, found))].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })),
  );
  const newest = new Newest(limit, wanted);
  let unreadable = 0;
  const reader = createPartitionReader(kafka, { clientId: "pace-dead-letters" });
  try {
    const extents = places.length > 0 ? await reader.offsets(places) : [];
    const left = new Map<string, number>(); // topic/partition → end
    const positions = places.flatMap((place, i) => {
      const { first, end } = extents[i]!;
      if (first >= end) return [];
      left.set(`${place.topic}/${place.partition}`, end);
      return [{ ...place, offset: first }];
    });
    if (positions.length > 0) reader.assign(positions);
    while (left.size > 0) {
      for (const { topic, partition, records, nextOffset } of await reader.poll(POLL_MS)) {
        while (records.next()) {
          const { buffer, valueStart, valueEnd, timestampMs } = records;
          if (valueStart < 0) continue;
          try {
            newest.add(DeadLetter.decode(buffer, valueStart, valueEnd), timestampMs);
          } catch {
            unreadable++; // not ours
          }
        }
        const id = `${topic}/${partition}`;
        if (nextOffset >= (left.get(id) ?? 0)) left.delete(id);
      }
    }
  } finally {
    await reader.close();
  }
  if (unreadable > 0) process.stderr.write(`${unreadable} records of these topics are no dead letters\n`);
  return newest.take();
}

function isoOf(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

function text(bytes: Buffer | null): string | null {
  return bytes?.toString("utf8") ?? null;
}
