/** What the writer asks of the cluster, request by request, where answers are missing or are errors. */
import { describe, expect, test } from "vitest";
import type { Time } from "../time.ts";
import { FrameWriter } from "./frames.ts";
import { framesOf } from "./log-fixture.ts";
import { Batch } from "./record-batch.ts";
import { createTransactionalWriter } from "./transactional-writer.ts";
import type { Producer, WriterCluster } from "./writer-cluster.ts";

const NOT_LEADER = 6;
const MESSAGE_TOO_LARGE = 10;
const NOT_COORDINATOR = 16;
const DUPLICATE_SEQUENCE_NUMBER = 46;
const INVALID_PRODUCER_EPOCH = 47;
const CONCURRENT_TRANSACTIONS = 51;
const PRODUCER_FENCED = 90;
/** No answer comes: the connection broke. */
const BROKEN = "broken";
type Answer = number | typeof BROKEN;

describe("a commit", () => {
  test("is asked for after every record is acknowledged", async () => {
    const { writer, asked } = await opened();
    expect(await writer.commit(["t"], framesOf("a", "b"))).toEqual({ kind: "committed" });
    expect(asked).toEqual(["init", "add e0", "produce e0 s0+2", "commit e0"]);
  });

  test("goes on counting its records, and asks again while the last one is being ended", async () => {
    const { writer, asked } = await opened({ add: [0, CONCURRENT_TRANSACTIONS, CONCURRENT_TRANSACTIONS] });
    await writer.commit(["t"], framesOf("a", "b"));
    asked.length = 0;
    expect(await writer.commit(["t"], framesOf("c"))).toEqual({ kind: "committed" });
    expect(asked).toEqual(["add e0", "add e0", "add e0", "produce e0 s2+1", "commit e0"]);
  });

  test("sends the same batch again until it is acknowledged, and none twice", async () => {
    const { writer, asked, sent } = await opened({
      produce: [BROKEN, NOT_LEADER, DUPLICATE_SEQUENCE_NUMBER],
    });
    expect(await writer.commit(["t"], framesOf("a"))).toEqual({ kind: "committed" });
    expect(asked).toEqual([
      "init",
      "add e0",
      "produce e0 s0+1",
      "produce e0 s0+1",
      "produce e0 s0+1",
      "commit e0",
    ]);
    expect(sent[1]).toEqual(sent[0]);
    expect(sent[2]).toEqual(sent[0]);
  });

  test("of several batches of a partition sends one after the other", async () => {
    const { writer, asked } = await opened({}, { batchBytesMax: 120 });
    const frames = new FrameWriter();
    for (let i = 0; i < 3; i++) frames.write(0, 0, 1, "key", Buffer.alloc(60));
    await writer.commit(["t"], frames.take());
    expect(asked.slice(2, -1)).toEqual(["produce e0 s0+1", "produce e0 s1+1", "produce e0 s2+1"]);
  });
});

describe("after a request without an answer", () => {
  test.each(["add", "end"] as const)("(%s) the next transaction is of a new epoch", async (request) => {
    const { writer, asked } = await opened({ [request]: [BROKEN] });
    expect(await writer.commit(["t"], framesOf("a"))).toEqual({ kind: "committed" });
    asked.length = 0;
    expect(await writer.commit(["t"], framesOf("b"))).toEqual({ kind: "committed" });
    expect(asked).toEqual(["renew e0", "add e1", "produce e1 s0+1", "commit e1"]);
    asked.length = 0;
    await writer.commit(["t"], framesOf("c"));
    expect(asked).toEqual(["add e1", "produce e1 s1+1", "commit e1"]);
  });

  test("a writer whose id is another's gets no new epoch", async () => {
    const { writer } = await opened({ end: [BROKEN], init: [0, PRODUCER_FENCED] });
    await writer.commit(["t"], framesOf("a"));
    expect(await writer.commit(["t"], framesOf("b"))).toMatchObject({ kind: "fenced" });
    expect(await writer.commit(["t"], framesOf("c"))).toMatchObject({ kind: "fenced" });
  });

  test("a commit that stays without one is lost, and so is the writer", async () => {
    const { writer } = await opened({ end: Array<Answer>(10_000).fill(BROKEN) });
    expect(await writer.commit(["t"], framesOf("a"))).toMatchObject({ kind: "lost" });
    expect(await writer.commit(["t"], framesOf("b"))).toMatchObject({ kind: "lost" });
  });
});

describe("a refusal", () => {
  test("of a record aborts the transaction, and the next is of a new epoch", async () => {
    const { writer, asked } = await opened({ produce: [MESSAGE_TOO_LARGE] });
    expect(await writer.commit(["t"], framesOf("a"))).toEqual({
      kind: "aborted",
      reason: "t/0: MESSAGE_TOO_LARGE",
    });
    expect(asked.slice(2)).toEqual(["produce e0 s0+1", "abort e0"]);
    asked.length = 0;
    expect(await writer.commit(["t"], framesOf("b"))).toEqual({ kind: "committed" });
    expect(asked).toEqual(["renew e0", "add e1", "produce e1 s0+1", "commit e1"]);
  });

  test.each([
    ["produce", INVALID_PRODUCER_EPOCH],
    ["add", PRODUCER_FENCED],
    ["end", PRODUCER_FENCED],
  ])("of an old epoch (%s) ends the writer", async (request, errorCode) => {
    const { writer, isClosed } = await opened({ [request]: [errorCode] });
    expect(await writer.commit(["t"], framesOf("a"))).toMatchObject({ kind: "fenced" });
    expect(isClosed()).toBe(true);
  });

  test("of a coordinator that moved is asked again", async () => {
    const { writer, asked } = await opened({ init: [NOT_COORDINATOR, NOT_COORDINATOR] });
    expect(asked).toEqual(["init", "init", "init"]);
    expect(await writer.commit(["t"], framesOf("a"))).toEqual({ kind: "committed" });
  });
});

/** Answers in the order of the requests of a kind; when there are none left, all is well. */
type Script = Partial<Record<"init" | "add" | "produce" | "end", Answer[]>>;

async function opened(script: Script = {}, options: { batchBytesMax?: number } = {}) {
  const asked: string[] = [];
  const sent: Buffer[] = [];
  let epoch = -1;
  let isClosed = false;
  const next = async (request: keyof Script, what: string): Promise<number> => {
    asked.push(what);
    const answer = script[request]?.shift() ?? 0;
    if (answer === BROKEN) throw new Error("the connection broke");
    return answer;
  };
  const cluster: WriterCluster = {
    async initProducer(current?: Producer) {
      const errorCode = await next("init", current ? `renew e${current.epoch}` : "init");
      if (errorCode === 0) epoch++;
      return { errorCode, producer: { id: 7, epoch } };
    },
    addPartitions: (of) => next("add", `add e${of.epoch}`),
    endTransaction: (of, decision) => next("end", `${decision} e${of.epoch}`),
    leaderOf: () => 1,
    refresh: async () => {},
    async produce(_leader, batches) {
      const { bytes } = batches[0]!;
      const batch = new Batch();
      batch.readAt(bytes, 0);
      sent.push(Buffer.from(bytes));
      return [await next("produce", `produce e${batch.producerEpoch} s${batch.baseSequence}+${batch.count}`)];
    },
    close: async () => {
      isClosed = true;
    },
  };
  const writer = createTransactionalWriter(
    { brokers: [] },
    { transactionalId: "id", time: hurriedTime(), newCluster: () => cluster, ...options },
  );
  await writer.init();
  return { writer, asked, sent, isClosed: () => isClosed };
}

/** Waiting takes no time but on its own clock. */
function hurriedTime(): Time {
  let nowMs = 0;
  return {
    now: () => nowMs,
    elapsed: () => nowMs,
    after(ms, call, kind) {
      if (kind === "background") return () => {}; // the limit of an answer that comes at once
      nowMs += ms;
      const timer = setImmediate(call);
      return () => clearImmediate(timer);
    },
  };
}
