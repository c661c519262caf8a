/** What a run left, against what the reference says of it. */

import { DeadLetter } from "../../../schemas/index.ts";
import { deadLetterTopic } from "../../graph/topics.ts";
import type { JobHarness } from "../job-harness.ts";
import type { Reference, Written } from "../reference/index.ts";
import { stateDifferences } from "./compare-state.ts";
import type { Case } from "./draw-case.ts";
import { show } from "./show.ts";
import { V } from "./value.ts";

const DIFFERENCES_MAX = 5;

export function compare(job: JobHarness, reference: Reference, one: Case): string[] {
  const strayed = reference.strayed === undefined ? [] : [reference.strayed];
  return [
    ...strayed,
    ...outputs(job, reference, one),
    ...apart(job, reference, one),
    ...late(job, reference, one),
    ...stateDifferences(job, reference),
  ].slice(0, DIFFERENCES_MAX);
}

function outputs(job: JobHarness, reference: Reference, { cut, spec, script }: Case): string[] {
  const differences: string[] = [];
  const specs = [spec, ...script.flatMap((action) => (action.do === "edit" ? [action.spec] : []))];
  const topics = new Set([...reference.outputs.keys()].map((id) => id.slice(0, id.lastIndexOf("/"))));
  for (const each of specs)
    for (const { id, op, params } of each)
      if (op === "sink") topics.add(params.to === "shared" ? "out-shared" : `out-sink-${id}`);
  const again = new Set(
    specs.flat().flatMap(({ id, params }) => (params.delivery === "at-least-once" ? [`out-sink-${id}`] : [])),
  );
  for (const topic of [...topics].sort())
    for (let partition = 0; partition < cut.partitions; partition++) {
      const wanted = (reference.outputs.get(`${topic}/${partition}`) ?? []).map(tellWritten);
      const found = job.recordsOf(topic, partition).map(({ key, value, timestampMs }) =>
        tellWritten({
          partition,
          key: key ?? null,
          bytes: value === null ? null : Buffer.from(value),
          timestampMs: timestampMs!,
        }),
      );
      const said = again.has(topic) ? withRepeats(found, wanted) : inOrder(found, wanted);
      if (said !== undefined) differences.push(`${topic}, partition ${partition}: ${said}`);
    }
  return differences;
}

const tellWritten = ({ key, bytes, timestampMs }: Written): string =>
  `${key}@${timestampMs}: ${bytes === null ? "deleted" : show(V.decode(bytes))}`;

function inOrder(found: readonly string[], wanted: readonly string[]): string | undefined {
  for (let at = 0; at < Math.max(found.length, wanted.length); at++) {
    if (found[at] === wanted[at]) continue;
    return `record ${at} of ${found.length} is\n      ${found[at] ?? "not there"}\n    instead of ${at} of ${wanted.length}\n      ${wanted[at] ?? "none"}`;
  }
  return undefined;
}

/** Each at least once, in order; what a crash brings again may stand between. */
function withRepeats(found: readonly string[], wanted: readonly string[]): string | undefined {
  let at = 0;
  for (const one of found) if (one === wanted[at]) at++;
  return at === wanted.length
    ? undefined
    : `of ${wanted.length} records the one at ${at} is missing: ${wanted[at]}`;
}

function apart(job: JobHarness, reference: Reference, { cut }: Case): string[] {
  const differences: string[] = [];
  for (let partition = 0; partition < cut.partitions; partition++) {
    const found = job.recordsOf(deadLetterTopic("random"), partition).map(({ value }) => {
      const { step, topic, partition, offset, reason } = DeadLetter.decode(Buffer.from(value!));
      const at = offset < 0 ? offset : job.carriedBefore(topic, partition, offset);
      return { place: `${step}: ${topic}/${partition} offset ${at}`, reason };
    });
    const wanted = reference.apart[partition]!.map(({ step, topic, partition, offset, reason }) => ({
      place: `${step}: ${topic}/${partition} offset ${offset}`,
      reason,
    }));
    for (let at = 0; at < Math.max(found.length, wanted.length); at++) {
      if (found[at]?.place === wanted[at]?.place) continue;
      const tell = (one: { place: string; reason: string } | undefined) =>
        one ? `${one.place} (${one.reason})` : "none";
      differences.push(
        `dead letter ${at} in partition ${partition} is ${tell(found[at])}\n    instead of ${tell(wanted[at])}`,
      );
      break;
    }
  }
  return differences;
}

/** Counted since a task began: not where tasks were lost. */
function late(job: JobHarness, reference: Reference, { cut, script }: Case): string[] {
  const starts = script.some((action) => action.do === "restart" || action.do === "edit");
  if (cut.crashes > 0 || starts || job.late() === reference.late) return [];
  return [`late records: ${job.late()} instead of ${reference.late}`];
}
