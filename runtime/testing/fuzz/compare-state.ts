/**
 * What a restart would find of the state of keyed steps, against what the reference remembers: which entries and timers there are. What
 * is in them shows in what comes of the records after a restart.
 *
 * An entry whose time to live is over has to be gone soon after; and a timer that was deleted before anybody wrote it leaves nothing.
 */
import type { FlowNode } from "../../dsl/graph.ts";
import type { StateDescriptor } from "../../dsl/state.ts";
import { changelogTopic } from "../../graph/topics.ts";
import { type ChangelogKey, parseChangelogKey } from "../../state/changelog-key.ts";
import type { JobHarness } from "../job-harness.ts";
import { type Reference, type Remembered, sectionId } from "../reference/index.ts";
import { show } from "./show.ts";

/**
 * Deadlines are rounded up, and one that an earlier time brought forward is found out at the old one. Longer than all event times of a
 * job are apart: early results are ahead of those on time.
 */
const SLACK_MS = 5_000;

type Steps = Extract<FlowNode, { kind: "process" }>;

export function stateDifferences(job: JobHarness, reference: Reference): string[] {
  return job.stages().flatMap((stage) => {
    const wanted = reference.remembered(sectionId(stage.nodes));
    const steps = stage.nodes.filter((node): node is Steps => node.kind === "process" && !node.standard);
    const found = job.changelogKeys(stage.name).map(parseChangelogKey);
    return [
      ...steps.flatMap((step) =>
        Object.entries(step.step.state ?? {}).flatMap(([state, descriptor]) =>
          entries(`${step.name}.${state}`, descriptor, found, wanted, job.nowMs),
        ),
      ),
      ...timers(found, wanted, new Set(steps.map(({ name }) => name))),
      ...tombstones(job, stage.name),
    ];
  });
}

function entries(
  state: string,
  descriptor: StateDescriptor,
  found: readonly ChangelogKey[],
  wanted: Remembered,
  nowMs: number,
): string[] {
  const ttl = "ttl" in descriptor ? descriptor.ttl : undefined;
  const live = new Set<string>();
  const dead = new Set<string>();
  for (const { key, name, deadlineMs, watermark } of wanted.entries(state, descriptor.kind)) {
    const now = ttl?.time === "event" ? watermark : nowMs;
    if (!ttl || deadlineMs > now) live.add(show([key, name]));
    else if (deadlineMs + 2 * ttl.after + SLACK_MS < now) dead.add(show([key, name]));
  }
  const kept = new Set(
    found.flatMap((entry) => {
      if (entry.kind !== "value" && entry.kind !== "map") return [];
      if (entry.state !== state) return [];
      return [show([entry.key, entry.kind === "map" ? entry.name : ""])];
    }),
  );
  const isLeft = (id: string) => (ttl ? dead.has(id) : !live.has(id));
  return [
    ...[...live].filter((id) => !kept.has(id)).map((id) => `state ${state} lacks ${id}`),
    ...[...kept].filter(isLeft).map((id) => `state ${state} still has ${id}`),
  ];
}

/** @param steps those that have timers of their own */
function timers(found: readonly ChangelogKey[], wanted: Remembered, steps: ReadonlySet<string>): string[] {
  const set = new Set(
    wanted.timers().map(({ step, domain, timeMs, key }) => show([step, domain, timeMs, key])),
  );
  const kept = new Set(
    found.flatMap((entry) =>
      entry.kind === "timer" && steps.has(entry.step)
        ? [show([entry.step, entry.domain, entry.timeMs, entry.key])]
        : [],
    ),
  );
  return [
    ...[...set].filter((id) => !kept.has(id)).map((id) => `state lacks timer ${id}`),
    ...[...kept].filter((id) => !set.has(id)).map((id) => `state still has timer ${id}`),
  ];
}

function tombstones(job: JobHarness, stage: string): string[] {
  const written = new Set<string>();
  for (const { key, value } of job.records(changelogTopic("random", stage))) {
    if (!key?.startsWith("t\0")) continue;
    if (value === null && !written.has(key))
      return [`state: a tombstone of timer ${show(key)}, which was never written`];
    written.add(key);
  }
  return [];
}
