/** What services do while they live: restart, move leaders, refuse, run out of disk. */
import { setTimeout as sleep } from "node:timers/promises";
import { RESULT_TABLES } from "../../clickhouse/tables.ts";
import { leadersOf } from "../log-reader.ts";
import { between, type Fault, type FaultContext, type Injected, statement } from "./fault.ts";
import { atInsert } from "./network.ts";
import { signal } from "./processes.ts";

const BACK_MAX_MS = 60_000;

export const restartBrokers: Fault = {
  name: "restart-brokers",
  rows: [9],
  what: "brokers are stopped and started again in order, one after the other",
  recoversWithinS: 45,
  async inject(context) {
    const { brokers } = context.cluster;
    for (let index = 0; index < brokers.count && !context.signal.aborted; index++) {
      await restarted(context, index);
      if (index + 1 < brokers.count) await sleep(3_000); // replicas catch up
    }
    return { detail: `${brokers.count} brokers` };
  },
};

export const moveCoordinators: Fault = {
  name: "move-coordinators",
  rows: [10],
  what: "the broker that coordinates most transactions stops in the middle of them: another takes over",
  recoversWithinS: 45,
  unavailable: ({ brokers }) => (brokers.count === 1 ? "needs --brokers 3" : undefined),
  async inject(context) {
    const leaders = await leadersOf(context.cluster.kafka, "__transaction_state");
    const counts = Map.groupBy(leaders, (leader) => leader);
    const [busiest] = [...counts].sort(([, a], [, b]) => b.length - a.length)[0]!;
    signal(context.cluster.brokers.pid(busiest - 1), "SIGTERM");
    return { detail: `broker ${busiest}` };
  },
};

export const kafkaDiskFull: Fault = {
  name: "kafka-disk-full",
  rows: [17],
  what: "a broker's disk is full, then has room again",
  recoversWithinS: 60,
  unavailable: ({ brokers }) => (brokers.disk(0) ? undefined : "needs the right to mount a file system"),
  async inject({ cluster, random }) {
    const index = Math.floor(random() * cluster.brokers.count);
    const disk = cluster.brokers.disk(index)!;
    disk.fill();
    return {
      detail: `broker ${index + 1}`,
      holdMs: between(6, 10, random),
      heal: () => {
        disk.free();
        return undefined;
      },
    };
  },
};

export const clickHouseDiskFull: Fault = {
  name: "clickhouse-disk-full",
  rows: [17, 23],
  what: "ClickHouse's disk is full, then has room again",
  recoversWithinS: 30,
  unavailable: ({ clickHouse }) => (clickHouse.disk ? undefined : "needs the right to mount a file system"),
  async inject({ cluster, random }) {
    cluster.clickHouse.disk!.fill();
    return {
      detail: "ClickHouse",
      holdMs: between(8, 12, random),
      heal: () => {
        cluster.clickHouse.disk!.free();
        return undefined;
      },
    };
  },
};

export const clickHouseTooManyParts: Fault = {
  name: "clickhouse-too-many-parts",
  rows: [23],
  what: "ClickHouse refuses inserts: too many parts",
  recoversWithinS: 30,
  async inject({ cluster, random }) {
    const { connection } = cluster.clickHouse;
    const each = async (change: string) => {
      for (const { table } of RESULT_TABLES) await statement(connection, `ALTER TABLE ${table} ${change}`);
    };
    await each("MODIFY SETTING parts_to_delay_insert = 1, parts_to_throw_insert = 1");
    return {
      detail: "every table",
      holdMs: between(8, 12, random),
      heal: async () => {
        await each("RESET SETTING parts_to_delay_insert, parts_to_throw_insert");
        return undefined;
      },
    };
  },
};

export const clickHouseRefuses: Fault = {
  name: "clickhouse-refuses",
  rows: [23],
  what: "ClickHouse has no such table for a while: every insert is refused at once",
  recoversWithinS: 30,
  async inject({ cluster, random }) {
    const { connection } = cluster.clickHouse;
    for (const { table } of RESULT_TABLES)
      await statement(connection, `RENAME TABLE ${table} TO ${table}_away`);
    return {
      detail: "every table",
      holdMs: between(6, 10, random),
      heal: async () => {
        for (const { table } of RESULT_TABLES)
          await statement(connection, `RENAME TABLE ${table}_away TO ${table}`);
        return undefined;
      },
    };
  },
};

export const clickHouseKilledBeforeAnswer: Fault = {
  name: "clickhouse-killed-before-answer",
  rows: [21, 22],
  what: "ClickHouse is killed when an insert has reached it, before it answers",
  recoversWithinS: 30,
  inject: (context) =>
    killedAtInsert(context, (kill) => {
      // The insert takes a few milliseconds: somewhere in it.
      setTimeout(kill, context.random() * 30);
      return undefined;
    }),
};

export const clickHouseKilledAfterAnswer: Fault = {
  name: "clickhouse-killed-after-answer",
  rows: [21, 22],
  what: "ClickHouse has done an insert and answers; the answer is lost, and ClickHouse is killed",
  recoversWithinS: 30,
  inject: (context) => killedAtInsert(context, (kill) => ({ kind: "lose-answer", afterwards: kill })),
};

const INSERT_MAX_MS = 15_000;

/** Resolves when it is killed, or no insert came for a while. */
async function killedAtInsert(
  { cluster }: FaultContext,
  decide: (kill: () => void) => ReturnType<Parameters<typeof atInsert>[0]>,
): Promise<Injected> {
  const killed = Promise.withResolvers<string>();
  let chosen = false;
  const kill = () => {
    signal(cluster.clickHousePid, "SIGKILL");
    killed.resolve("at an insert");
  };
  const intercept = atInsert(() => {
    if (chosen) return undefined;
    chosen = true;
    return decide(kill);
  });
  for (const { name } of cluster.nodes) cluster.impairClickHouse(name, { intercept });
  const late = setTimeout(() => killed.resolve("no insert came"), INSERT_MAX_MS);
  const detail = await killed.promise;
  clearTimeout(late);
  for (const { name } of cluster.nodes) cluster.healClickHouse(name);
  return { detail };
}

async function restarted({ cluster, signal: ending }: FaultContext, index: number): Promise<void> {
  const before = cluster.brokers.pid(index);
  signal(before, "SIGTERM");
  const deadlineMs = Date.now() + BACK_MAX_MS;
  while (Date.now() < deadlineMs && !ending.aborted) {
    const pid = cluster.brokers.pid(index);
    if (pid !== undefined && pid !== before && cluster.brokers.isReady(index)) return;
    await sleep(100);
  }
}
