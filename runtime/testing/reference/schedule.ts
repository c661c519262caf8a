/**
 * What a run decides and the meaning of a job leaves open: in which order tasks take how many records of which partition, what the
 * clock says then, and which partitions pass for silent. The reference is given it, and gives what has to come of it.
 *
 * A schedule has only what was committed: what a crash lost has not been.
 */
import type { JobDefinition } from "../../dsl/job.ts";

/**
 * Records of one partition, from an offset until before another. In an exchange, values and what tasks tell of time are counted, and
 * nothing else that may lie there.
 */
export interface Taken {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** What a `.watermark` (sections.ts says which) says of a source partition. */
export interface Channel {
  readonly topic: string;
  readonly partition: number;
  readonly watermark: string;
}

/** A section of a job (sections.ts), and which task of it. */
export interface Who {
  readonly section: string;
  readonly task: number;
}

export type Scheduled =
  /** A task looks what there is in tables and broadcasts, then takes records, batch by batch, then sees what the clock has set off. */
  | ({
      readonly kind: "turn";
      readonly nowMs: number;
      readonly tables: readonly Taken[];
      readonly broadcasts: readonly Taken[];
      /** What passes for silent when the turn begins, and when the clock is looked at. */
      readonly silentBefore: readonly Channel[];
      readonly batches: readonly Taken[];
      readonly silentAfter: readonly Channel[];
      /** Event time that the task says it has come to by then: to be checked, not to be believed. */
      readonly reached: number;
    } & Who)
  /** A task tells those downstream how far its event time has come. */
  | ({ readonly kind: "tell" } & Who)
  /** A task starts anew, with all that it remembers. */
  | ({ readonly kind: "restart"; readonly nowMs: number } & Who)
  /** From here on it is another version of the job. */
  | { readonly kind: "edit"; readonly job: JobDefinition };
