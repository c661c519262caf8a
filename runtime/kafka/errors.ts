/** What the log tells its reader that no retry mends: each names the topic, the partition and what to do. */
import { PacestreamError } from "../errors.ts";

/** The offset asked for is not in the log (any more): retention or compaction removed it, or the topic was cut. */
export class OffsetOutOfRangeError extends PacestreamError {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;

  constructor(topic: string, partition: number, offset: number) {
    super(
      "KAFKA_OFFSET_OUT_OF_RANGE",
      `${topic}/${partition}: offset ${offset} is not in the log; ` +
        "its retention is shorter than the pause of the reader: choose a start offset, or restore the topic",
    );
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
  }
}

/** Bytes that are no valid record batch, also when fetched again. */
export class CorruptBatchError extends PacestreamError {
  constructor(topic: string, partition: number, offset: number, reason: string) {
    super(
      "KAFKA_CORRUPT_BATCH",
      `${topic}/${partition}: the batch at offset ${offset} cannot be read: ${reason}; check the broker's disk`,
    );
  }
}

export class UnknownTopicError extends PacestreamError {
  constructor(topic: string, partition?: number) {
    const what = partition === undefined ? `topic ${topic}` : `${topic}/${partition}`;
    super("KAFKA_UNKNOWN_TOPIC", `${what} does not exist on the cluster: create it, or correct its name`);
  }
}

/** The topic was deleted and made anew while it was read: offsets of the old one mean nothing in the new one. */
export class TopicRecreatedError extends PacestreamError {
  constructor(topic: string) {
    super(
      "KAFKA_TOPIC_RECREATED",
      `${topic} was deleted and created again while it was being read: restart the job from its beginning`,
    );
  }
}

/** The cluster did not answer in time, or refused for a reason that may pass. */
export class KafkaUnavailableError extends PacestreamError {
  constructor(message: string, options?: ErrorOptions) {
    super("KAFKA_UNAVAILABLE", message, "retry", options);
  }
}

/** The cluster refuses: access rights, credentials, certificates, or a version too old. */
export class KafkaRefusedError extends PacestreamError {
  constructor(message: string, options?: ErrorOptions) {
    super("KAFKA_REFUSED", message, "never", options);
  }
}

/** Another producer has taken the transactional id over. */
export class FencedError extends PacestreamError {
  constructor(transactionalId: string, reason: string) {
    super("KAFKA_FENCED", `${transactionalId} was taken over by another producer: ${reason}`);
  }
}
