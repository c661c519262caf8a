/** Nodes in processes of their own, to be killed, and what they leave in topics: for integration tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { relative } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Codec } from "../../schemas/codec.ts";
import type { KafkaConnection } from "../config.ts";
import { createPartitionReader } from "../kafka/reader.ts";

/** Path of a file among the fixtures. */
export const fixture = (file: string): string =>
  fileURLToPath(new URL(`../testing/fixtures/${file}`, import.meta.url));

export class NodeProcesses {
  readonly #kafka: KafkaConnection;
  readonly #jobsTopic: string;
  readonly #children = new Set<ChildProcess>();

  constructor(kafka: KafkaConnection, jobsTopic: string) {
    this.#kafka = kafka;
    this.#jobsTopic = jobsTopic;
  }

  /** Resolves when the node runs. @param submit path of a job's module. */
  async start(submit?: string): Promise<ChildProcess> {
    const module = submit && relative(process.cwd(), submit);
    const settings = { kafka: this.#kafka, jobsTopic: this.#jobsTopic, submit: module };
    const child = spawn(process.execPath, [fixture("node-process.ts"), JSON.stringify(settings)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#children.add(child);
    child.on("exit", () => this.#children.delete(child));
    // Read on after that: a process whose output nobody takes dies of its next line.
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on("line", (line) => line === "running" && resolve());
      child.once("exit", () => reject(new Error("the node ended before it ran")));
    });
    return child;
  }

  async kill(child: ChildProcess): Promise<void> {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }

  /** Lets it end by itself. @returns its exit code. */
  async stop(child: ChildProcess): Promise<number | null> {
    child.stdin!.end();
    await once(child, "exit");
    return child.exitCode;
  }

  killAll(): void {
    for (const child of this.#children) child.kill("SIGKILL");
  }
}

/** Collects all values of a topic until `done` says so. */
export async function collect<T>(
  kafka: KafkaConnection,
  topic: string,
  partitions: number,
  codec: Codec<T>,
  done: (values: readonly T[]) => boolean,
): Promise<T[]> {
  const reader = createPartitionReader(kafka);
  const values: T[] = [];
  try {
    reader.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })));
    while (!done(values)) {
      for (const { records } of await reader.poll(200)) {
        while (records.next())
          values.push(codec.decode(records.buffer, records.valueStart, records.valueEnd));
      }
    }
    // What comes after the last that was waited for would be a double.
    for (const { records } of await reader.poll(500)) {
      while (records.next()) values.push(codec.decode(records.buffer, records.valueStart, records.valueEnd));
    }
    return values;
  } finally {
    await reader.close();
  }
}
