/** One job on one node: a member of the job's group, with a `Slot` for every lease it holds. */
import type { KafkaConnection } from "../config.ts";
import type { PlanDescription, StageDescription } from "../graph/describe.ts";
import { slotsTopic, transactionalId } from "../graph/topics.ts";
import type { Problem } from "../health.ts";
import type { Position } from "../kafka/log.ts";
import type { RuntimeMetrics } from "../metrics/task-metrics.ts";
import type { JobCode } from "../worker/job-code.ts";
import type { EpochSettings } from "../worker/messages.ts";
import { TaskRun } from "../worker/task-runner.ts";
import type { JobServices } from "./job-services.ts";
import type { JobRecord } from "./job-store.ts";
import { type JobTopology, prepareTopics } from "./job-topology.ts";
import type { Membership } from "./membership.ts";
import { type RunHow, Slot } from "./slot.ts";

/** How often committed input offsets go to the group, for Kafka's lag tools. At once when a task has nothing left to do. */
const OFFSETS_EVERY_MS = 1_000;
/** A node that cannot reach the group for so long stops what it may no longer hold. Longer than a broker's restart. */
const DOUBT_MAX_MS = 20_000;

export interface JobRunOptions {
  readonly record: Pick<JobRecord, "name" | "parallelism" | "submittedMs">;
  readonly plan: PlanDescription;
  readonly code: JobCode;
  /** The project's folder. */
  readonly root: string;
  readonly kafka: KafkaConnection;
  readonly services: JobServices;
  readonly epochs: EpochSettings;
  readonly metrics: RuntimeMetrics;
  readonly log: (line: string) => void;
}

export class JobRun {
  readonly #options: JobRunOptions;
  readonly #slots = new Map<number, Slot>();
  readonly #positions = new Map<string, Position>();
  #membership: Membership | undefined;
  #cancelOffsets: (() => void) | undefined;
  /** Slots that run though their lease is in doubt. */
  readonly #doubted = new Set<number>();
  #cancelDoubt: (() => void) | undefined;

  constructor(options: JobRunOptions) {
    this.#options = options;
  }

  get record(): JobRunOptions["record"] {
    return this.#options.record;
  }

  /** Slots this node runs now. */
  get slots(): number[] {
    return [...this.#slots.keys()].sort((a, b) => a - b);
  }

  /** What does not go on here. */
  problems(): readonly Problem[] {
    return [...this.#slots.values()].flatMap((slot) => slot.problems());
  }

  async start(): Promise<void> {
    const { record, plan, services, log } = this.#options;
    const topology = await prepareTopics(services.topics, plan, record.parallelism);
    this.#membership = await services.joinGroup({
      group: record.name,
      topic: slotsTopic(record.name),
      clientId: record.name,
      log,
      onAssigned: (slots) => {
        log(`${record.name}: slots ${slots.join(", ")} are this node's`);
        for (const slot of slots) {
          const held = this.#slots.get(slot);
          if (held) held.confirmLease();
          else this.#slots.set(slot, this.#newSlot(topology, slot));
          this.#doubted.delete(slot);
        }
        // The group has spoken: what it did not give back is another node's.
        void this.#stopDoubted();
      },
      onRevoked: (slots) => this.#stopSlots(slots),
      onLost: (slots) => {
        for (const slot of slots) {
          this.#slots.get(slot)?.doubtLease();
          this.#doubted.add(slot);
        }
        this.#cancelDoubt?.();
        this.#cancelDoubt = services.time.after(DOUBT_MAX_MS, () => void this.#stopDoubted(), "background");
      },
    });
    this.#commitOffsetsRegularly();
  }

  async stop(): Promise<void> {
    this.#cancelOffsets?.();
    this.#cancelDoubt?.();
    await this.#stopSlots(this.slots);
    await this.#membership?.leave();
  }

  async #stopDoubted(): Promise<void> {
    const slots = [...this.#doubted];
    this.#doubted.clear();
    this.#membership?.forget(slots);
    await this.#stopSlots(slots);
  }

  async #stopSlots(slots: readonly number[]): Promise<void> {
    const held = slots.flatMap((slot) => this.#slots.get(slot) ?? []);
    for (const slot of slots) this.#slots.delete(slot);
    await Promise.all(held.map((slot) => slot.stop()));
    this.#commitOffsets();
  }

  #newSlot(topology: JobTopology, slot: number): Slot {
    const { record, plan, services, metrics, log } = this.#options;
    return new Slot({
      job: record.name,
      slot,
      time: services.time,
      metrics,
      log,
      confirms: async () => (await this.#membership?.confirms(slot)) ?? false,
      tasks: plan.stages.map((stage) => ({
        stage: stage.name,
        newRun: (how) => this.#newRun(topology, stage, slot, how),
      })),
    });
  }

  #newRun(topology: JobTopology, stage: StageDescription, slot: number, how: RunHow): TaskRun {
    const { record, plan, code, root, kafka, services, epochs, metrics, log } = this.#options;
    return new TaskRun({
      pool: services.pool,
      time: services.time,
      metrics,
      log,
      outputs: stage.outputs,
      writer: services.newWriter({
        transactionalId: transactionalId(record.name, stage.name, slot),
        log,
      }),
      early: stage.speaksEarly ? services.newEarlyWriter(`${record.name}.${stage.name}.${slot}`) : undefined,
      onStatus: how.onStatus,
      onCommitted: (positions, caughtUp) => {
        how.onCommitted(positions);
        for (const position of positions)
          this.#positions.set(`${position.topic}/${position.partition}`, position);
        if (caughtUp) this.#commitOffsets();
      },
      start: {
        root,
        code,
        placement: plan.placement,
        isolated: how.isolated,
        epochRecordsMax: how.epochRecordsMax,
        stage: stage.name,
        kafka,
        epochs,
        // Every stage has the job's parallelism; an exchange hears from each task of the stage above.
        upstreamParallelism: record.parallelism,
        spec: {
          job: record.name,
          slot,
          parallelism: record.parallelism,
          inputPartitions: topology.inputPartitions(stage),
          partitions: topology.partitions,
          watermarkEveryMs: epochs.intervalMs,
        },
      },
    });
  }

  #commitOffsetsRegularly(): void {
    this.#cancelOffsets = this.#options.services.time.after(
      OFFSETS_EVERY_MS,
      () => {
        this.#commitOffsets();
        this.#commitOffsetsRegularly();
      },
      "background",
    );
  }

  #commitOffsets(): void {
    if (this.#positions.size === 0) return;
    this.#membership?.commitOffsets([...this.#positions.values()]);
    this.#positions.clear();
  }
}
