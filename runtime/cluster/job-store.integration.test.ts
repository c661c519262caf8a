import { expect, inject, it } from "vitest";
import { type JobRecord, type JobStore, openJobStore } from "./job-store.ts";

it("nodes that put the same job at the same moment all hear of theirs, and agree on the last", async () => {
  const topic = `jobs-${crypto.randomUUID()}`;
  const open = () =>
    openJobStore(
      inject("kafka"),
      topic,
      () => {},
      () => {},
    );
  const stores: JobStore[] = [await open(), await open(), await open()];
  try {
    for (let round = 0; round < 20; round++) {
      const records = stores.map(
        (_, node): JobRecord => ({
          name: "same",
          module: `${node}.ts`,
          parallelism: 1,
          state: "running",
          submittedMs: 10 * round + node,
        }),
      );
      await Promise.all(stores.map((store, node) => store.put(records[node]!)));
    }
    await stores[0]!.put({ name: "last", module: "", parallelism: 1, state: "cancelled", submittedMs: 1 });
    await expect
      .poll(() => stores.map((store) => store.all().get("last")?.state))
      .toEqual(["cancelled", "cancelled", "cancelled"]);
    const [first, ...others] = stores.map((store) => store.all().get("same"));
    for (const other of others) expect(other).toEqual(first);
  } finally {
    for (const store of stores) await store.close();
  }
});
