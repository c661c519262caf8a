/** What happens on the way to Kafka and to ClickHouse. */
import { LOADER } from "../cluster.ts";
import { API, RequestScanner } from "../kafka-requests.ts";
import type { Impairment, Interception } from "../proxy.ts";
import { between, type Fault, type FaultContext, type Injected, runningNode } from "./fault.ts";

export const kafkaSlow: Fault = {
  name: "kafka-slow",
  rows: [14],
  what: "30 % of what goes to and from Kafka is lost and sent again, the rest takes half a second there and back",
  recoversWithinS: 30,
  inject: (context) =>
    everyone(context, between(10, 14, context.random), () => ({ delayMs: 250, loss: 0.3 })),
};

export const kafkaResets: Fault = {
  name: "kafka-resets",
  rows: [15],
  what: "connections to Kafka are reset in the middle of requests and answers",
  recoversWithinS: 30,
  inject: (context) => everyone(context, between(6, 10, context.random), () => ({ resets: 0.02 })),
};

export const kafkaOneWay: Fault = {
  name: "kafka-one-way",
  rows: [13],
  what: "a node reaches Kafka, but no answer comes back",
  recoversWithinS: 30,
  inject: (context) => oneNode(context, between(12, 16, context.random), { stalled: "answers" }),
};

export const kafkaAway: Fault = {
  name: "kafka-away",
  rows: [13],
  what: "a node is cut off from Kafka in both directions",
  recoversWithinS: 30,
  inject: (context) => oneNode(context, between(12, 16, context.random), { stalled: "both" }),
};

export const commitAnswerLost: Fault = {
  name: "commit-answer-lost",
  rows: [11],
  what: "a third of the requests that end a transaction are done, but their answers are lost",
  recoversWithinS: 30,
  inject: (context) =>
    everyone(context, between(6, 9, context.random), () => ({
      intercept: atCommit(() => (context.random() < 0.3 ? { kind: "lose-answer" } : undefined)),
    })),
};

/** Longer than a commit may try (`commitBudgetMs`), so that the next transaction has begun. */
const DELAYED_MS = 18_000;

export const commitDelayed: Fault = {
  name: "commit-delayed",
  rows: [12],
  what: "requests that end a transaction arrive 18 s late, after their sender has given up and gone on",
  recoversWithinS: 40,
  inject: (context) => {
    const delayed = new Set<object>();
    return oneNode(context, DELAYED_MS + 5_000, {
      intercept: atCommit((connection) => {
        if (delayed.size >= 3 || delayed.has(connection)) return undefined;
        delayed.add(connection);
        return { kind: "hold", ms: DELAYED_MS };
      }),
    });
  },
};

export const clickHouseSlow: Fault = {
  name: "clickhouse-slow",
  rows: [14, 21],
  what: "30 % of what goes to and from ClickHouse is lost and sent again, the rest takes half a second there and back",
  recoversWithinS: 30,
  inject: (context) =>
    toClickHouse(context, between(8, 12, context.random), () => ({ delayMs: 250, loss: 0.3 })),
};

export const clickHouseCut: Fault = {
  name: "clickhouse-cut",
  rows: [15, 21],
  what: "inserts are cut in their middle, and answers to others are lost",
  recoversWithinS: 30,
  inject: (context) =>
    toClickHouse(context, between(6, 10, context.random), () => ({
      intercept: atInsert(() => {
        const chance = context.random();
        return chance < 0.3 ? { kind: "cut" } : chance < 0.6 ? { kind: "lose-answer" } : undefined;
      }),
    })),
};

/** Everything else passes. Each connection's requests are told apart by its own scanner. */
function atCommit(
  decide: (connection: object) => Interception | undefined,
): NonNullable<Impairment["intercept"]> {
  const scanners = new WeakMap<object, RequestScanner>();
  return (chunk, connection) => {
    let scanner = scanners.get(connection);
    if (scanner === undefined) {
      scanner = new RequestScanner();
      scanners.set(connection, scanner);
    }
    return scanner.keysIn(chunk).includes(API.endTxn) ? decide(connection) : undefined;
  };
}

const INSERT = /INSERT(%20|\+| )INTO/i;
const HEAD_BYTES = 8_192;

export function atInsert(decide: () => Interception | undefined): NonNullable<Impairment["intercept"]> {
  return (chunk) => (INSERT.test(chunk.toString("latin1", 0, HEAD_BYTES)) ? decide() : undefined);
}

async function everyone(
  { cluster }: FaultContext,
  holdMs: number,
  make: () => Impairment,
): Promise<Injected> {
  const clients = [...cluster.nodes.map(({ name }) => name), LOADER];
  for (const client of clients) cluster.brokers.impair(client, make);
  return {
    detail: "every client",
    holdMs,
    heal: () => {
      for (const client of clients) cluster.brokers.heal(client);
      return undefined;
    },
  };
}

async function oneNode(context: FaultContext, holdMs: number, impairment: Impairment): Promise<Injected> {
  const { brokers } = context.cluster;
  const { name } = runningNode(context);
  brokers.impair(name, () => impairment);
  return {
    detail: name,
    holdMs,
    heal: () => {
      brokers.heal(name);
      return undefined;
    },
  };
}

async function toClickHouse(
  { cluster }: FaultContext,
  holdMs: number,
  make: () => Impairment,
): Promise<Injected> {
  for (const { name } of cluster.nodes) cluster.impairClickHouse(name, make());
  return {
    detail: "every node",
    holdMs,
    heal: () => {
      for (const { name } of cluster.nodes) cluster.healClickHouse(name);
      return undefined;
    },
  };
}
