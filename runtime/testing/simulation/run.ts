/**
 * One run of one job under one seed: a cluster, some nodes, an input that comes in over time, faults; then calm, in which
 * everything has to come right; then the checks.
 *
 * R1  The seed alone decides what happens. Faults and input records can be left out (`keep`): the rest stays as it is planned.
 * R2  When the last fault is over, the job has a bounded virtual time to come to rest with all of its input processed.
 * R3  Input is processed, and event time goes on, whatever the clocks say. Only timers of processing time wait for them: once
 *     all is quiet, clocks are set to the highest that any had, and what is still due comes.
 */
import { prepareTopics } from "../../cluster/job-topology.ts";
import type { JobDefinition } from "../../dsl/job.ts";
import { describePlan } from "../../graph/describe.ts";
import { planJob } from "../../graph/plan.ts";
import { Random } from "../random.ts";
import { BUGS, type BugName } from "./bugs.ts";
import { brokenInvariants, readCommitted, toldWatermarks, unread } from "./checks.ts";
import { Cluster } from "./cluster.ts";
import { type Fault, faultEndMs, planFaults, strike } from "./faults.ts";
import { feed, type InputRecord } from "./input.ts";
import type { Mark } from "./marks.ts";
import { SimulatedNode } from "./node.ts";
import { Outcome } from "./outcome.ts";
import { type StoryLine, World } from "./world.ts";

/** A job and how to tell whether it came out right. */
export interface SimulatedJob {
  readonly job: JobDefinition;
  /** The input, drawn from the seed. Records of one partition are written in their order. */
  readonly input: (random: Random) => readonly InputRecord[];
  /**
   * Throws when what was committed is not what follows from the input. Records of one key come in order; which of two keys
   * comes first is open, and so is whatever follows from it.
   */
  readonly check: (outcome: Outcome) => void;
}

export interface RunOptions {
  readonly seed: number;
  readonly bug?: BugName;
  /** Faults that take place, by index in the plan; all where absent. */
  readonly faults?: ReadonlySet<number>;
  /** Input records that are written, by index; all where absent. */
  readonly records?: ReadonlySet<number>;
}

export interface RunResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly marks: ReadonlyMap<Mark, number>;
  readonly story: readonly StoryLine[];
  /** The plan, what was left out with it. */
  readonly faults: readonly Fault[];
  readonly records: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly shape: string;
}

const FAULTS_SPAN_MS = [4_000, 12_000, 25_000] as const;
const CALM_MAX_MS = 150_000;
/** Longer than any timer, idleness or hold that could still bring something. */
const QUIET_MS = 8_000;
const LOOK_EVERY_MS = 400;
/** How long after the clocks are right what waited for them must have begun. */
const CLOCKS_TAKE_MS = 1_000;

export async function runSeed(simulated: SimulatedJob, options: RunOptions): Promise<RunResult> {
  const { job } = simulated;
  const random = new Random(options.seed);
  const [shapeRandom, inputRandom, faultRandom, feedRandom] = [1, 2, 3, 4].map((salt) =>
    random.fork(salt),
  ) as [Random, Random, Random, Random];
  const world = new World(options.seed);
  const cluster = new Cluster(world);
  const plan = planJob(job);
  const partitions = shapeRandom.between(1, 4);
  const parallelism = shapeRandom.between(1, Math.min(3, partitions));
  const sources = new Set(
    plan.stages.flatMap(({ inputs }) => inputs.flatMap(({ topic, upstream }) => (upstream ? [] : [topic]))),
  );
  await cluster.admin.ensureTopics([...sources].map((topic) => ({ topic, partitions })));
  await prepareTopics(cluster.admin, describePlan(plan), parallelism);

  const planned = simulated.input(inputRandom);
  const input = planned.filter((_, index) => options.records?.has(index) ?? true);
  const inputEndMs = feed(cluster, input, feedRandom);
  const nodes = Array.from(
    { length: shapeRandom.between(1, 3) },
    (_, index) =>
      new SimulatedNode({
        name: `node-${index}`,
        cluster,
        job,
        parallelism,
        epochs: { intervalMs: 100, bytesMax: shapeRandom.pick([1_500, 8_000, 1 << 20]) },
        bug: options.bug && BUGS[options.bug],
      }),
  );
  const shape = `${nodes.length} nodes, parallelism ${parallelism}, ${partitions} partitions, ${input.length} records`;
  for (const node of nodes) world.after(shapeRandom.between(0, 300), () => node.start());
  const faults = planFaults(faultRandom, nodes.length, shapeRandom.pick(FAULTS_SPAN_MS));
  const struck = faults.filter((_, index) => options.faults?.has(index) ?? true);
  for (const fault of struck) world.after(fault.atMs, () => strike(fault, cluster, nodes));

  const rejected = (error: unknown) => {
    world.violation(`an unhandled rejection: ${error instanceof Error ? error.stack : String(error)}`);
  };
  process.on("unhandledRejection", rejected);
  try {
    const calmMs = Math.max(inputEndMs, ...struck.map(faultEndMs)) + 1;
    await world.run(calmMs);
    world.tell("fault", "no more faults");
    cluster.network.traps.length = 0;
    cluster.network.disturbances.length = 0;
    for (const node of nodes) node.start();
    const aheadMs = struck.reduce(
      (sum, fault) => sum + (fault.kind === "clock-step" ? Math.max(0, fault.byMs) : 0),
      0,
    );
    const tasks = plan.stages.length * parallelism;
    let restMs: number | undefined;
    let quietMs = 0;
    let told: ReturnType<typeof toldWatermarks> | undefined;
    while (restMs === undefined && !world.isOver && world.nowMs < calmMs + CALM_MAX_MS) {
      await world.run(world.nowMs + LOOK_EVERY_MS);
      if (told === undefined && isQuiet()) {
        told = toldWatermarks(cluster, plan);
        for (const { clock } of nodes) clock.offsetMs = Math.max(clock.offsetMs, aheadMs);
        quietMs = world.nowMs;
      }
      // What a dead node left open ends by its time-out: an owner that has nothing to write does not notice that it was fenced.
      const isOpen = cluster.coordinator.unfinished().length > 0;
      if (told !== undefined && world.nowMs - quietMs >= CLOCKS_TAKE_MS && isQuiet() && !isOpen)
        restMs = world.nowMs;
    }
    if (restMs === undefined) {
      if (!world.isOver) world.violation(`no rest within ${CALM_MAX_MS / 1000} s after the last fault`);
      for (const line of [...unread(cluster, plan), ...cluster.coordinator.unfinished()].slice(0, 8))
        world.violation(line);
    }
    for (const broken of brokenInvariants(cluster, plan)) world.violation(broken);
    for (const [channel, watermark] of toldWatermarks(cluster, plan)) {
      if (told !== undefined && told.get(channel) !== watermark)
        world.violation(`${channel}: the watermark waited for a clock to be set right`); // R3
    }
    if (restMs !== undefined) {
      try {
        simulated.check(new Outcome(job, input, (topic) => readCommitted(cluster, topic)));
      } catch (error) {
        world.violation((error as Error).message);
      }
    }
    for (const node of nodes) node.kill();
    await new Promise(setImmediate);

    function isQuiet(): boolean {
      for (const log of cluster.logs)
        if (world.nowMs - log.grownMs < QUIET_MS || log.stable < log.end) return false;
      if (nodes.some((node) => world.nowMs - node.taskBeganMs < QUIET_MS)) return false;
      const running = nodes.reduce((sum, node) => sum + node.running, 0);
      return running >= tasks && unread(cluster, plan).length === 0;
    }
  } finally {
    process.off("unhandledRejection", rejected);
  }
  return {
    seed: options.seed,
    violations: world.violations,
    marks: world.marks,
    story: world.story,
    faults,
    records: planned.length,
    events: world.events,
    virtualMs: world.nowMs,
    shape,
  };
}
