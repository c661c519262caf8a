/** What others do: members that come and go, somebody with our identity, bad records, deploys, spectators. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import kafka, { type LibrdKafkaError } from "@confluentinc/kafka-javascript";
import { slotsTopic, transactionalId } from "../../../runtime/graph/topics.ts";
import { librdkafkaSettings } from "../../../runtime/kafka/librdkafka.ts";
import type { ChaosNode, Cluster } from "../cluster.ts";
import { between, type Fault, type FaultContext, oneOf, runningNode } from "./fault.ts";

const JOB = "marathon-leaderboard";
const MODULE = "jobs/marathon-leaderboard.ts";
const STAGES = ["by-runner", "by-race"];
const CALL_MAX_MS = 20_000;

export const rebalanceStorm: Fault = {
  name: "rebalance-storm",
  rows: [16],
  what: "a member that does no work joins the job's group and leaves it, again and again",
  recoversWithinS: 30,
  async inject({ cluster, random, signal }) {
    const rounds = 5;
    for (let round = 0; round < rounds && !signal.aborted; round++) {
      const consumer = new kafka.KafkaConsumer(
        {
          ...librdkafkaSettings(cluster.kafka, "chaos-storm"),
          "group.id": JOB,
          "partition.assignment.strategy": "cooperative-sticky",
          "session.timeout.ms": 6_000,
          "enable.auto.commit": false,
        },
        {},
      );
      consumer.on("event.error", () => undefined);
      await called((done) => consumer.connect({ timeout: CALL_MAX_MS }, done));
      consumer.subscribe([slotsTopic(JOB)]);
      consumer.consume();
      await sleep(500 + random() * 1_500);
      await called((done) => consumer.disconnect(done));
    }
    return { detail: `${rounds} times` };
  },
};

export const stolenIdentity: Fault = {
  name: "stolen-identity",
  rows: [7],
  what: "another process takes the transactional id of a slot, as a second node of one identity would",
  recoversWithinS: 30,
  async inject({ cluster, random }) {
    const id = transactionalId(JOB, oneOf(STAGES, random), Math.floor(random() * 2));
    const producer = new kafka.Producer({
      ...librdkafkaSettings(cluster.kafka, "chaos-thief"),
      "transactional.id": id,
      "transaction.timeout.ms": 10_000,
    });
    producer.on("event.error", () => undefined);
    await called((done) => producer.connect({ timeout: CALL_MAX_MS }, done));
    await called((done) => producer.initTransactions(CALL_MAX_MS, done));
    await called((done) => producer.disconnect(done));
    return { detail: id };
  },
};

/** None of them is a timing message. */
const POISONS: readonly Buffer[] = [
  Buffer.alloc(0),
  Buffer.from("{"),
  Buffer.from([0xff, 0xfe, 0x00, 0x80]),
  Buffer.alloc(200_000, 0x9f),
];

export const poison: Fault = {
  name: "poison",
  rows: [5],
  what: "records among the reads that are no reads: each must be set apart, once",
  recoversWithinS: 20,
  async inject({ cluster, random, poison: noted }) {
    const producer = new kafka.Producer({
      ...librdkafkaSettings(cluster.kafka, "chaos-poison"),
      "enable.idempotence": true,
      dr_cb: true,
    });
    producer.setPollInterval(50);
    await called((done) => producer.connect({ timeout: CALL_MAX_MS }, done));
    const delivered = Promise.withResolvers<void>();
    let left = POISONS.length;
    producer.on("delivery-report", (error: LibrdKafkaError | null, report) => {
      if (!error) noted.push({ topic: report.topic, partition: report.partition, offset: report.offset! });
      if (--left === 0) delivered.resolve();
    });
    for (const value of POISONS)
      producer.produce("passings", Math.floor(random() * 4), value, "poison", Date.now());
    await delivered.promise;
    await called((done) => producer.disconnect(done));
    return { detail: `${POISONS.length} records` };
  },
};

export const idle: Fault = {
  name: "idle",
  rows: [31],
  what: "nothing comes for longer than transactional ids live (a minute here), then the race goes on",
  recoversWithinS: 40,
  async inject({ cluster }) {
    for (const load of cluster.loads) load.freeze();
    return {
      detail: "all that sends stands still for 75 s",
      holdMs: 75_000,
      heal: () => {
        for (const load of cluster.loads) load.thaw();
        return undefined;
      },
    };
  },
};

export const rollingDeploy: Fault = {
  name: "rolling-deploy",
  rows: [26],
  what: "every node is stopped in order and started again, one after the other",
  recoversWithinS: 30,
  async inject({ cluster, signal }) {
    for (const { program } of cluster.nodes) await program.deploy(undefined, signal);
    return { detail: `${cluster.nodes.length} nodes` };
  },
};

export const rollingUpgrade: Fault = {
  name: "rolling-upgrade",
  rows: [26],
  what: "one node after the other gets a version whose state has new fields, then the old version back",
  recoversWithinS: 30,
  async inject({ cluster, signal, random }) {
    const root = cluster.nextVersion();
    for (const { program } of cluster.nodes) await program.deploy(root, signal);
    return {
      detail: `${cluster.nodes.length} nodes`,
      holdMs: between(3, 8, random),
      heal: async () => {
        for (const { program } of cluster.nodes) await program.deploy(undefined, signal);
        return undefined;
      },
    };
  },
};

export const redeployJob: Fault = {
  name: "redeploy-job",
  rows: [26],
  what: "the job is cancelled while it works, and submitted again",
  recoversWithinS: 30,
  async inject(context) {
    const node = runningNode(context);
    const { cluster } = context;
    await control(cluster, node, "DELETE", `/v1/jobs/${JOB}`);
    return {
      detail: `through ${node.name}`,
      holdMs: 2_000,
      heal: async () => {
        await control(cluster, node, "POST", "/v1/jobs", { module: MODULE, parallelism: 2 });
        return undefined;
      },
    };
  },
};

const CROWD = 1_000;
/** What a frozen reader may cost: its buffer in the stream and the system's, generously (`readerBufferMax`). */
const FROZEN_MAX_MB = 1;
const SLACK_MB = 250;

export const frozenSpectators: Fault = {
  name: "frozen-spectators",
  rows: [27],
  what: "20 % of a thousand spectators of one node read no more, and go on later",
  recoversWithinS: 20,
  async inject(context) {
    const { crowd } = context;
    const { name, url, program } = runningNode(context);
    crowd.rush(url, CROWD, undefined);
    const welcomed = await crowd.welcomed(30_000);
    const before = residentMb(program.pid);
    const frozen = crowd.freeze(0.2);
    return {
      detail: `${frozen} of ${welcomed} at ${name}`,
      holdMs: 12_000,
      heal: () => {
        const grown = residentMb(program.pid) - before;
        crowd.thaw();
        crowd.close();
        const allowed = frozen * FROZEN_MAX_MB + SLACK_MB;
        return grown > allowed
          ? `${name} grew by ${Math.round(grown)} MB, more than ${allowed}, for ${frozen} frozen readers`
          : undefined;
      },
    };
  },
};

export const spectatorsReconnect: Fault = {
  name: "spectators-reconnect",
  rows: [28],
  what: "a thousand spectators lose their connections and come back at once, with what they had seen last",
  recoversWithinS: 20,
  async inject(context) {
    const { crowd } = context;
    const node = runningNode(context);
    crowd.rush(node.url, CROWD, undefined);
    await crowd.welcomed(30_000);
    const seen = lastSeen(context);
    const startedMs = performance.now();
    crowd.rush(node.url, CROWD, seen);
    const welcomed = await crowd.welcomed(30_000);
    const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
    return {
      detail: `${welcomed} let in again at ${node.name} within ${tookS} s`,
      holdMs: 1_000,
      heal: () => {
        crowd.close();
        return welcomed < CROWD
          ? `${CROWD - welcomed} spectators were not let in again within 30 s`
          : undefined;
      },
    };
  },
};

function lastSeen({ followers }: FaultContext): string | undefined {
  return followers.find(({ lastId }) => lastId !== undefined)?.lastId;
}

function residentMb(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
  } catch {
    return 0;
  }
}

async function control(
  { token }: Cluster,
  { url, name }: ChaosNode,
  method: string,
  path: string,
  body?: unknown,
): Promise<void> {
  const answer = await fetch(`${url}${path}`, {
    method,
    signal: AbortSignal.timeout(CALL_MAX_MS),
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${name} ${method} ${path}: ${answer.status} ${await answer.text()}`);
}

function called(call: (done: (error: LibrdKafkaError | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error ? reject(new Error(error.message)) : resolve()));
  });
}
