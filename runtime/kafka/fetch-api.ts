/**
 * Kafka's Fetch request (version 17) with the records of the answer left as they came: the library's own parser makes an
 * object of every record, which costs five times as much as walking them in place.
 */

import type { AbortedTransaction } from "./aborted.ts";
import { createAPI, fetchV17, Reader } from "./library.ts";

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  /** 0: none. */
  readonly errorCode: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches; empty when there is nothing to read. */
  readonly records: Buffer;
}

export interface FetchAnswer {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

type FetchArguments = [
  maxWaitMs: number,
  minBytes: number,
  maxBytes: number,
  isolationLevel: number,
  sessionId: number,
  sessionEpoch: number,
  topics: fetchV17.FetchRequestTopic[],
  forgotten: [],
  rackId: string,
];

const EMPTY = Buffer.alloc(0);

export const fetchRaw = createAPI<FetchArguments, FetchAnswer>(
  1,
  17,
  fetchV17.createRequest,
  parseFetchAnswer,
);

/** Response layout: see fetch-v17 of the library, or FetchResponse.json of Kafka. */
export function parseFetchAnswer(
  _correlationId: number,
  _apiKey: number,
  _version: number,
  chunks: Reader,
): FetchAnswer {
  // An answer comes in many chunks: joined once here, so that each partition's records lie in one piece.
  const bytes = chunks.buffer.buffer;
  const reader = Reader.from(bytes);
  reader.readInt32(); // throttle time
  const errorCode = reader.readInt16();
  reader.readInt32(); // session
  const partitions: FetchedPartition[] = [];
  reader.readArray((topic) => {
    const topicId = topic.readUUID();
    topic.readArray((answer) => partitions.push(readPartition(answer, topicId, bytes)));
  });
  return { errorCode, partitions };
}

function readPartition(reader: Reader, topicId: string, bytes: Buffer): FetchedPartition {
  const partition = reader.readInt32();
  const errorCode = reader.readInt16();
  const highWatermark = Number(reader.readInt64());
  const lastStableOffset = Number(reader.readInt64());
  reader.readInt64(); // log start offset
  const aborted = reader.readNullableArray((transaction) => ({
    producerId: Number(transaction.readInt64()),
    firstOffset: Number(transaction.readInt64()),
  }));
  reader.readInt32(); // preferred read replica
  const size = Math.max(0, reader.readUnsignedVarInt() - 1); // compact: length + 1, 0 for null
  const records = size === 0 ? EMPTY : bytes.subarray(reader.position, reader.position + size);
  reader.skip(size);
  return { topicId, partition, errorCode, highWatermark, lastStableOffset, aborted: aborted ?? [], records };
}
