/** Processes that die, or stop and go on. */
import { setTimeout as sleep } from "node:timers/promises";
import { RESULT_TABLES } from "../../clickhouse/tables.ts";
import type { ChaosNode, Cluster } from "../cluster.ts";
import { between, type Fault, oneOf, runningNode, statement } from "./fault.ts";

export const killNode: Fault = {
  name: "kill-node",
  rows: [1, 18, 19],
  what: "kill -9 of a node; it is started again, and restores while its changelog is being compacted",
  recoversWithinS: 30,
  async inject(context) {
    const { name, program } = runningNode(context);
    program.kill();
    return { detail: name };
  },
};

export const killAllNodes: Fault = {
  name: "kill-all-nodes",
  rows: [1],
  what: "kill -9 of every node at once",
  recoversWithinS: 40,
  async inject({ cluster }) {
    for (const { program } of cluster.nodes) program.kill();
    return { detail: cluster.nodes.map(({ name }) => name).join(", ") };
  },
};

export const killLoader: Fault = {
  name: "kill-loader",
  rows: [1],
  what: "kill -9 of what sends, the replay in the middle of a transaction; it is started again",
  recoversWithinS: 30,
  async inject({ cluster }) {
    for (const load of cluster.loads) load.kill();
    return { detail: cluster.loads.map(({ name }) => name).join(", ") };
  },
};

export const killBroker: Fault = {
  name: "kill-broker",
  rows: [8],
  what: "kill -9 of a broker; it is started again",
  recoversWithinS: 45,
  async inject({ cluster, random }) {
    const index = Math.floor(random() * cluster.brokers.count);
    signal(cluster.brokers.pid(index), "SIGKILL");
    return { detail: `broker ${index + 1}` };
  },
};

export const killClickHouse: Fault = {
  name: "kill-clickhouse",
  rows: [21, 22],
  what: "kill -9 of ClickHouse at any moment; it is started again",
  recoversWithinS: 30,
  async inject({ cluster }) {
    signal(cluster.clickHousePid, "SIGKILL");
    return { detail: "ClickHouse" };
  },
};

export const freezeNode: Fault = {
  name: "freeze-node",
  rows: [2],
  what: "SIGSTOP of a node for longer than the transaction time-out (10 s), then SIGCONT: a zombie",
  recoversWithinS: 30,
  async inject(context) {
    const { name, program } = runningNode(context);
    program.freeze();
    return {
      detail: name,
      holdMs: between(12, 16, context.random),
      heal: () => {
        program.thaw();
        return undefined;
      },
    };
  },
};

export const freezeSink: Fault = {
  name: "freeze-sink",
  rows: [3],
  what: "SIGSTOP of the node that writes into ClickHouse until more inserts have been made than ClickHouse remembers tokens of",
  recoversWithinS: 30,
  async inject({ cluster }) {
    const { connection } = cluster.clickHouse;
    const remember = async (inserts: number) => {
      for (const { table } of RESULT_TABLES)
        await statement(
          connection,
          `ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = ${inserts}`,
        );
    };
    const { name, program } = await sinkNode(cluster);
    await remember(3);
    program.freeze();
    return {
      detail: `${name}, with three tokens remembered`,
      holdMs: 20_000,
      heal: async () => {
        program.thaw();
        await sleep(2_000); // what it was about to insert comes now
        await remember(10_000);
        return undefined;
      },
    };
  },
};

export const freezeBroker: Fault = {
  name: "freeze-broker",
  rows: [8, 13],
  what: "SIGSTOP of a broker for longer than its session, then SIGCONT",
  recoversWithinS: 45,
  async inject({ cluster, random }) {
    const index = Math.floor(random() * cluster.brokers.count);
    const pid = cluster.brokers.pid(index);
    signal(pid, "SIGSTOP");
    return {
      detail: `broker ${index + 1}`,
      holdMs: between(6, 10, random),
      heal: () => {
        signal(pid, "SIGCONT");
        return undefined;
      },
    };
  },
};

export const freezeClickHouse: Fault = {
  name: "freeze-clickhouse",
  rows: [21],
  what: "SIGSTOP of ClickHouse, then SIGCONT",
  recoversWithinS: 30,
  async inject({ cluster, random }) {
    const pid = cluster.clickHousePid;
    signal(pid, "SIGSTOP");
    return {
      detail: "ClickHouse",
      holdMs: between(8, 15, random),
      heal: () => {
        signal(pid, "SIGCONT");
        return undefined;
      },
    };
  },
};

/** To a process that may be gone by now. */
export function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

const SINK_LOOK_MS = 2_500;

/** The node whose count of inserted rows grows; any, where none is seen to. */
async function sinkNode({ nodes }: Cluster): Promise<ChaosNode> {
  const before = await Promise.all(nodes.map(insertedRows));
  await sleep(SINK_LOOK_MS);
  const after = await Promise.all(nodes.map(insertedRows));
  return nodes.find((_, index) => after[index]! > before[index]!) ?? oneOf(nodes, Math.random);
}

async function insertedRows({ url }: ChaosNode): Promise<number> {
  try {
    const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2_000) })).text();
    return [...text.matchAll(/^pacestream_clickhouse_rows_total\S* (\S+)$/gm)].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  } catch {
    return 0;
  }
}
