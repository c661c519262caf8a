/**
 * What a task tells the tasks downstream, beside its records: how far it has come in event time, and what its records are written with.
 * Control records go into every partition of every exchange that it writes.
 */
import { encodeSchema, encodeWatermark } from "../exchange/exchange-record.ts";
import { TOLD_EVERY_MS } from "../exchange/exchange-schemas.ts";
import type { StagePlan } from "../graph/plan.ts";
import { exchangeTopic } from "../graph/topics.ts";
import type { FrameWriter } from "../kafka/frames.ts";
import type { RecordContext } from "../operators/record-context.ts";
import { NO_WATERMARK } from "../time.ts";
import type { EventTime } from "./event-time.ts";
import { range } from "./input-partition.ts";
import type { TaskSpec } from "./task.ts";

interface Exchange {
  readonly schema: string;
  /** The topic's index among the task's outputs. */
  readonly index: number;
  readonly partitions: number;
}

export class Downstream {
  readonly #spec: TaskSpec;
  readonly #exchanges: readonly Exchange[];
  readonly #frames: FrameWriter;
  readonly #record: RecordContext;
  readonly #eventTime: EventTime;
  #watermark = NO_WATERMARK;
  #idle = false;
  #watermarkAtMs = Number.NEGATIVE_INFINITY;
  #schemasAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    plan: StagePlan,
    spec: TaskSpec,
    frames: FrameWriter,
    record: RecordContext,
    eventTime: EventTime,
  ) {
    this.#spec = spec;
    this.#frames = frames;
    this.#record = record;
    this.#eventTime = eventTime;
    this.#exchanges = plan.exchangesOut.map(({ exchange: { name, codec } }) => {
      const topic = exchangeTopic(spec.job, name);
      return {
        schema: codec.schema,
        index: plan.outputs.indexOf(topic),
        partitions: spec.partitions[topic]!,
      };
    });
  }

  /** Before records: outside of any, so that no throw takes it back (X3). */
  tellSchemas(elapsedMs: number): void {
    if (elapsedMs - this.#schemasAtMs < TOLD_EVERY_MS) return;
    this.#schemasAtMs = elapsedMs;
    for (const exchange of this.#exchanges) this.#tell(exchange, encodeSchema(exchange.schema));
  }

  /** Whether `tellWatermark` has something to say. */
  isDue(elapsedMs: number): boolean {
    if (this.#exchanges.length === 0) return false;
    if (elapsedMs - this.#watermarkAtMs < this.#spec.watermarkEveryMs) return false;
    return this.#record.watermark > this.#watermark || this.#eventTime.isIdle !== this.#idle;
  }

  /** After the records before it (X1). */
  tellWatermark(elapsedMs: number): void {
    if (!this.isDue(elapsedMs)) return;
    this.#watermarkAtMs = elapsedMs;
    this.#watermark = this.#record.watermark;
    this.#idle = this.#eventTime.isIdle;
    const { slot: task } = this.#spec;
    const message = encodeWatermark({ task, watermark: this.#watermark, idle: this.#idle });
    for (const exchange of this.#exchanges) this.#tell(exchange, message);
  }

  #tell({ index, partitions }: Exchange, message: Buffer): void {
    for (const partition of range(partitions))
      this.#frames.write(index, partition, this.#record.nowMs, null, message);
  }
}
