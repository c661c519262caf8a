/**
 * Bugs put in on purpose, to check the checker: each is a collaborator of the runtime that does something wrong. The runtime
 * itself knows nothing of them.
 */
import { CHANGELOG } from "../../graph/plan.ts";
import { FrameWriter, forEachFrame } from "../../kafka/frames.ts";
import type {
  EarlyWriter,
  PartitionReader,
  PolledPartition,
  RecordCursor,
  TransactionalWriter,
} from "../../kafka/log.ts";
import type { WriterCluster } from "../../kafka/writer-cluster.ts";
import type { ReaderFlaws } from "./reader-link.ts";
import { ERROR_CODES } from "./writer-link.ts";

export interface Bug {
  readonly about: string;
  readonly writer?: (writer: TransactionalWriter) => TransactionalWriter;
  readonly reader?: (reader: PartitionReader) => PartitionReader;
  readonly reads?: ReaderFlaws;
  readonly writes?: (cluster: WriterCluster) => WriterCluster;
  readonly earlyWriter?: (writer: EarlyWriter) => EarlyWriter;
}

export const BUGS = {
  "forgotten-fence": {
    about: "the slot's writer is initialised at its first commit, after the restore",
    writer(writer) {
      let initialised: Promise<void> | undefined;
      return {
        init: async () => {},
        async commit(topics, frames) {
          initialised ??= writer.init();
          try {
            await initialised;
          } catch (error) {
            return { kind: "lost", reason: (error as Error).message };
          }
          return writer.commit(topics, frames);
        },
        close: () => writer.close(),
      };
    },
  },
  "progress-before-outputs": {
    about: "an epoch's changelog, with its progress, is committed before its outputs",
    writer: (writer) => ({
      init: () => writer.init(),
      async commit(topics, frames) {
        const [changelog, outputs] = [new FrameWriter(), new FrameWriter()];
        forEachFrame(frames, ({ topic, partition, timestampMs, key, value }) => {
          (topic === CHANGELOG ? changelog : outputs).write(topic, partition, timestampMs, key, value);
        });
        const outcome = await writer.commit(topics, changelog.take());
        return outcome.kind === "committed" ? writer.commit(topics, outputs.take()) : outcome;
      },
      close: () => writer.close(),
    }),
  },
  "past-stable-offset": {
    about: "readers go on to the end of the log, open transactions or not",
    reads: { stableOf: (log) => log.end },
  },
  "dropped-timer": {
    about: "timers are left out of a restore",
    reader: (reader) => ({
      assign: (positions) => reader.assign(positions),
      pause: (partitions) => reader.pause(partitions),
      resume: (partitions) => reader.resume(partitions),
      poll: async (waitMs) => (await reader.poll(waitMs)).map(withoutTimers),
      offsets: (partitions) => reader.offsets(partitions),
      partitionCount: (topic) => reader.partitionCount(topic),
      close: () => reader.close(),
    }),
  },
  "lost-aborted-range": {
    about: "of several aborted transactions of a producer in one fetch, one is known",
    reads: {
      abortedOf: (aborted) => [...new Map(aborted.map((range) => [range.producerId, range])).values()],
    },
  },
  "deaf-to-broken-connections": {
    about: "the writer goes on with an epoch whose end of a transaction was not answered",
    writes(cluster) {
      const { endTransaction } = cluster;
      return Object.assign(cluster, {
        endTransaction: (...asked: Parameters<typeof endTransaction>) =>
          // To which a writer asks again, and thinks no more of it.
          endTransaction(...asked).catch(() => ERROR_CODES.NOT_COORDINATOR),
      });
    },
  },
  "unawaited-results": {
    about: "an epoch commits before the results that left early are in the log",
    earlyWriter: (writer) => ({
      write: (topics, frames) => writer.write(topics, frames),
      settled: async () => {},
      close: () => writer.close(),
    }),
  },
} as const satisfies Record<string, Bug>;

export type BugName = keyof typeof BUGS;

function withoutTimers(polled: PolledPartition): PolledPartition {
  if (!polled.topic.endsWith(".changelog")) return polled;
  const { records } = polled;
  const isTimer = () =>
    records.keyStart >= 0 &&
    records.buffer.toString("latin1", records.keyStart, records.keyStart + 2) === "t\0";
  const next = (): boolean => {
    while (records.next()) if (!isTimer()) return true;
    return false;
  };
  const filtered = new Proxy(records, {
    get: (target, property) => {
      if (property === "next") return next;
      return target[property as keyof RecordCursor];
    },
  });
  return { ...polled, records: filtered };
}
