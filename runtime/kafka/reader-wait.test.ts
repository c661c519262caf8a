import { expect, test } from "vitest";
import type { FetchAnswer } from "./fetch-api.ts";
import { createPartitionReader } from "./reader.ts";
import type { FetchRequest, ReaderCluster } from "./reader-cluster.ts";

/** A broker without news, as far as a request for it tells. */
function quietBroker() {
  const waits: number[] = [];
  const cluster: ReaderCluster = {
    topic: () => ({ id: "t", leaders: [1], errorCode: 0 }) as unknown as ReturnType<ReaderCluster["topic"]>,
    refresh: async () => undefined,
    fetch: async (_leader: number, { waitMs }: FetchRequest) => {
      waits.push(waitMs);
      const partition = { topicId: "t", partition: 0, errorCode: 0, highWatermark: 0, lastStableOffset: 0 };
      return {
        partitions: [{ ...partition, aborted: [], records: Buffer.alloc(0) }],
      } as unknown as FetchAnswer;
    },
    offsets: async () => [],
    partitionCount: async () => 1,
    close: async () => undefined,
  };
  return { waits, cluster };
}

const POSITION = { topic: "t", partition: 0, offset: 0 };

test("a broker without news is asked to hold requests longer, until something else is to be read", async () => {
  const { waits, cluster } = quietBroker();
  const reader = createPartitionReader({ brokers: [] }, { cluster, fetchWaitMaxMs: 300 });
  reader.assign([POSITION]);
  for (let i = 0; i < 5; i++) await reader.poll(1);
  expect(waits.slice(0, 5)).toEqual([50, 100, 200, 300, 300]);
  reader.assign([POSITION]);
  const before = waits.length;
  await reader.poll(1);
  await reader.poll(1);
  expect(waits.slice(before)).toContain(50);
  await reader.close();
});

test("who has not asked for it is answered as fast as at first", async () => {
  const { waits, cluster } = quietBroker();
  const reader = createPartitionReader({ brokers: [] }, { cluster });
  reader.assign([POSITION]);
  for (let i = 0; i < 4; i++) await reader.poll(1);
  expect(new Set(waits)).toEqual(new Set([50]));
  await reader.close();
});
