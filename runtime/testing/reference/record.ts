/** A record on its way through the reference: a value that nothing changes, with what is known of it. */

export interface Rec {
  readonly value: unknown;
  /** Event time; `undefined` before a `.watermark`. */
  readonly timestamp: number | undefined;
  /** `""` before a `.keyBy`. */
  readonly key: string;
  /** Kafka's time of the source record. */
  readonly ingestMs: number;
  /** Where the source record stands; of what a timer sets off, the partition of its key, no topic, offset -1. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** It takes a former result back: outputs delete its row, steps with state do not hear of it. */
  readonly retracts?: true;
}

/** Takes a record further: to what stands below the operator, or below the side output of this name. */
export type Emit = (rec: Rec, side?: string) => void;

/** Code of a step threw: whose. The record it threw on leaves this and nothing else. */
export class Failure extends Error {
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.step = step;
  }
}

/** A record is one value for all branches: what one branch changed, another would see. So none can change it. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}
