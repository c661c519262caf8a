/**
 * What is known about the record that passes: one object a task, changed in place, so that a record costs no allocation.
 * Operators set what they find out (event time, key) and the ones below read it.
 */
export class RecordContext {
  /** Where the record came from. */
  topic = "";
  partition = 0;
  offset = 0;
  /** Kafka timestamp of the source record, Unix milliseconds; outputs carry it on, so latency can be seen at the end. */
  ingestMs = 0;
  /** Event time, if the record has one. */
  timestamp: number | undefined = undefined;
  key = "";
  /** The step whose code runs: named in a dead letter. */
  step = "";
  /** The node's clock as of this poll, Unix milliseconds. */
  nowMs = 0;
  /** Event time the task has come to. */
  watermark = Number.NEGATIVE_INFINITY;
}

/** Takes a value further. */
export type Push = (value: unknown) => void;
