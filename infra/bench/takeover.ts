/**
 * `npm run bench -- takeover`: two nodes, one of them holding a million keys, is killed with -9; how long until the other's
 * results of its slot flow, and where the time goes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { KafkaConnection } from "../../runtime/config.ts";
import { ensureTopics } from "../../runtime/kafka/admin.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { createProducer, type IdempotentProducer } from "../../runtime/kafka/producer.ts";
import { createPartitionReader } from "../../runtime/kafka/reader.ts";
import { startServices } from "../embedded/services.ts";
import { cpuSeconds } from "./processes.ts";
import { INPUT, Key, OUTPUT } from "./takeover-job.ts";

export interface TakeoverBench {
  /** That the node which was killed held. */
  readonly keys: number;
  readonly changelogRecords: number;
  /** From the kill until results of every partition flowed. */
  readonly takeoverMs: number;
  /** Until the group gave the slot to the other node. */
  readonly noticedMs: number;
  /** From then until the writer had the slot's transactional id. */
  readonly fencedMs: number;
  readonly restoredMs: number;
  readonly recordsPerSecond: number;
  /** From restored to the first result committed. */
  readonly firstResultMs: number;
  /** What the survivor's process used from the kill to its results: says, on a machine with other work, what is its own. */
  readonly cpuMs: number;
}

const PARTITIONS = 4;
/** One slot a node. */
const NODES = 2;
const PROBE_EVERY_MS = 20;
/** Nodes that have been up for so long have threads ready for a takeover (`runtime/worker/pool.ts`). */
const UP_FOR_MS = 65_000;
const NODE = fileURLToPath(new URL("../../runtime/testing/fixtures/node-process.ts", import.meta.url));
const JOB = relative(process.cwd(), fileURLToPath(new URL("./takeover-job.ts", import.meta.url)));
const TAKEOVER_MAX_MS = 120_000;

/** A node whose lines are kept with the time they came at. */
class BenchNode {
  readonly lines: { readonly atMs: number; readonly text: string }[] = [];
  readonly process: ChildProcess;

  constructor(kafka: KafkaConnection, submit?: string) {
    const given = JSON.stringify({ kafka, jobsTopic: "takeover.jobs", submit });
    this.process = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", NODE, given], {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
    });
    createInterface({ input: this.process.stdout! }).on("line", (text) =>
      this.lines.push({ atMs: Date.now(), text }),
    );
  }

  async line(pattern: RegExp, sinceMs = 0): Promise<{ atMs: number; match: RegExpExecArray }> {
    for (;;) {
      for (const { atMs, text } of this.lines) {
        const match = atMs >= sinceMs ? pattern.exec(text) : null;
        if (match) return { atMs, match };
      }
      if (this.process.exitCode !== null) throw new Error("a node ended early");
      await sleep(5);
    }
  }

  async kill(): Promise<void> {
    this.process.kill("SIGKILL");
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, "exit");
  }
}

export async function benchTakeover(keys: number): Promise<TakeoverBench> {
  const dataDir = mkdtempSync(join(tmpdir(), "pacestream-takeover-"));
  const services = await startServices({ dataDir, kafkaPort: 0, clickHousePort: 0, log: () => {} });
  const nodes: BenchNode[] = [];
  let producer: IdempotentProducer | undefined;
  try {
    const { kafka } = services;
    await ensureTopics(kafka, [{ topic: INPUT, partitions: PARTITIONS }]);
    producer = await createProducer(kafka, { clientId: "takeover", lingerMs: 5 });
    nodes.push(new BenchNode(kafka, JOB));
    await nodes[0]!.line(/^running$/);
    nodes.push(new BenchNode(kafka));
    await nodes[1]!.line(/takeover: slots [01] are this node's/);
    const upMs = performance.now();

    const flowing = await watchOutput(kafka);
    await fill(producer, keys * NODES, flowing);
    await sleep(Math.max(0, upMs + UP_FOR_MS - performance.now()));
    const [survivor, victim] = nodes as [BenchNode, BenchNode];
    const probing = probe(producer);
    await flowing.since(Date.now());

    const survivorPid = survivor.process.pid!;
    const cpuBefore = cpuSeconds(survivorPid);
    const killedMs = Date.now();
    await victim.kill();
    const flowsMs = await flowing.since(killedMs);
    const cpuMs = Math.round((cpuSeconds(survivorPid) - cpuBefore) * 1000);
    await probing.stop();
    const noticed = await survivor.line(/takeover: slots ([01]) are this node's/, killedMs);
    const restored = await survivor.line(/restored from (\d+) changelog records in (\d+) ms/, killedMs);
    const [, records, took] = restored.match;
    const restoredMs = Number(took);
    await flowing.close();
    return {
      keys,
      changelogRecords: Number(records),
      takeoverMs: flowsMs - killedMs,
      noticedMs: noticed.atMs - killedMs,
      fencedMs: restored.atMs - restoredMs - noticed.atMs,
      restoredMs,
      recordsPerSecond: Math.round(Number(records) / (restoredMs / 1000)),
      firstResultMs: flowsMs - restored.atMs,
      cpuMs,
    };
  } finally {
    for (const { process: child } of nodes) child.kill("SIGKILL");
    await producer?.close();
    await services.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

export function describeTakeover(bench: TakeoverBench): string {
  const s = (ms: number) => `${(ms / 1000).toFixed(2).padStart(7)} s`;
  return [
    `kill -9 of a node with ${bench.keys} keys: the other's results flow after ${(bench.takeoverMs / 1000).toFixed(2)} s`,
    `  the group notices     ${s(bench.noticedMs)}`,
    `  the old owner fenced  ${s(bench.fencedMs)}`,
    `  state read            ${s(bench.restoredMs)}   ${bench.changelogRecords} records, ${bench.recordsPerSecond}/s`,
    `  first result          ${s(bench.firstResultMs)}`,
    `  CPU of the survivor   ${s(bench.cpuMs)}`,
  ].join("\n");
}

interface Output {
  readonly count: number;
  /** When results of input that came after `sinceMs` had been read from every partition, Unix milliseconds. */
  since(sinceMs: number): Promise<number>;
  close(): Promise<void>;
}

async function watchOutput(kafka: KafkaConnection): Promise<Output> {
  const reader = createPartitionReader(kafka, { clientId: "takeover-watch" });
  /** Moments that are asked about, and by partition when the first result of later input was read. */
  const firsts = new Map<number, number[]>();
  let count = 0;
  let closed = false;
  reader.assign(
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: OUTPUT, partition, offset: 0 })),
  );
  const reading = (async () => {
    while (!closed) {
      for (const { partition, records } of await reader.poll(20)) {
        while (records.next()) {
          count++;
          for (const [sinceMs, seen] of firsts)
            if (records.timestampMs > sinceMs) seen[partition] ??= Date.now();
        }
      }
    }
  })();
  return {
    get count() {
      return count;
    },
    async since(sinceMs) {
      const seen: number[] = [];
      firsts.set(sinceMs, seen);
      for (let waitedMs = 0; Object.keys(seen).length < PARTITIONS; waitedMs += 5) {
        if (waitedMs > TAKEOVER_MAX_MS) throw new Error("no results of some partitions");
        await sleep(5);
      }
      firsts.delete(sinceMs);
      return Math.max(...seen);
    },
    async close() {
      closed = true;
      await reading;
      await reader.close();
    },
  };
}

/** Every key once, and waits until the job has it. */
async function fill(producer: IdempotentProducer, keys: number, output: Output): Promise<void> {
  for (let i = 0; i < keys; i++) {
    const key = `key-${i}`;
    const full = producer.send(INPUT, partitionOf(key, PARTITIONS), key, Key.encode(key), Date.now());
    if (full) await full;
    else if (i % 1_000 === 0) await new Promise(setImmediate);
  }
  await producer.flush();
  while (output.count < keys) await sleep(50);
}

/** A record into every partition, again and again. */
function probe(producer: IdempotentProducer): { stop(): Promise<void> } {
  const keys: string[] = [];
  for (let i = 0; keys.filter(Boolean).length < PARTITIONS; i++)
    keys[partitionOf(`key-${i}`, PARTITIONS)] ??= `key-${i}`;
  const timer = setInterval(() => {
    for (const [partition, key] of keys.entries())
      void producer.send(INPUT, partition, key, Key.encode(key), Date.now());
  }, PROBE_EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await producer.flush();
    },
  };
}
