import { expect, test } from "vitest";
import { Cluster } from "./cluster.ts";
import { readerLink } from "./reader-link.ts";
import { Thread, World } from "./world.ts";

test("a fetch that waits behind an open transaction looks once at each growth of one of its partitions", async () => {
  const world = new World(1);
  const cluster = new Cluster(world);
  await cluster.admin.ensureTopics([{ topic: "t", partitions: 2 }]);
  const topic = cluster.topics.get("t")!;
  topic.leaders.fill(0);
  let looks = 0;
  const flaws = {
    stableOf(log: (typeof topic.partitions)[number]) {
      looks++;
      return log.stable;
    },
  };
  const thread = new Thread("reader");
  const link = readerLink({ cluster, node: "node-0", thread, slowMs: () => 0, flaws });
  const partitions = topic.partitions.map(({ partition }) => ({ partition, fetchOffset: 0n }));
  const fetch = link.fetch(0, { topics: [{ topicId: topic.id, partitions }] } as never);
  const growths = 20;
  const record = { key: Buffer.from("k"), value: Buffer.from("v"), timestampMs: 0 };
  for (let n = 0; n < growths; n++)
    world.after(100 + n, () => topic.partitions[n % 2]!.appendOpen(7, [record], cluster.brokerNow()));
  await world.run(10_000);
  expect((await fetch).partitions.map(({ records }) => records.length)).toEqual([0, 0]);
  // A look at each partition at first and at each growth, and for the answer.
  expect(looks).toBeLessThanOrEqual(2 * (growths + 2));
});
