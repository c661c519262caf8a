/** What a fault is. Each lies with others of its kind in this folder; `index.ts` is the list. */
import type { ClickHouseConnection } from "../../../runtime/config.ts";
import type { ChaosNode, Cluster } from "../cluster.ts";
import type { Crowd } from "../crowd.ts";
import type { Follower } from "../follower.ts";
import type { Poison } from "../verdict.ts";

export interface FaultContext {
  readonly cluster: Cluster;
  /** From the run's seed. */
  readonly random: () => number;
  /** Records that are sent to be refused are noted here, for the verdict. */
  readonly poison: Poison[];
  readonly followers: readonly Follower[];
  readonly crowd: Crowd;
  /** Aborted when the run is to end: an injection that takes long gives up. */
  readonly signal: AbortSignal;
}

export interface Injected {
  /** What was done to whom. */
  readonly detail: string;
  /** How long it is left so before it is healed. */
  readonly holdMs?: number;
  /** Ends it. Absent: it heals by itself, recovery counts from its injection. @returns what does not hold, if anything. */
  heal?(): Promise<string | undefined> | string | undefined;
}

export interface Fault {
  readonly name: string;
  /** Its numbers in the table of faults the product must stand up to. */
  readonly rows: readonly number[];
  readonly what: string;
  /** Within which everything must flow again, seconds. */
  readonly recoversWithinS: number;
  /** Why it cannot be tried here. */
  unavailable?(cluster: Cluster): string | undefined;
  inject(context: FaultContext): Promise<Injected>;
}

export function oneOf<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)]!;
}

/** Milliseconds between two numbers of seconds. */
export function between(fromS: number, toS: number, random: () => number): number {
  return Math.round(1_000 * (fromS + random() * (toS - fromS)));
}

export function runningNode({ cluster, random }: FaultContext): ChaosNode {
  const running = cluster.nodes.filter(({ program }) => program.running);
  return oneOf(running.length > 0 ? running : cluster.nodes, random);
}

/** A statement to ClickHouse, past every proxy. @throws Error with what it says. */
export async function statement(connection: ClickHouseConnection, query: string): Promise<string> {
  const { url, username, password, database } = connection;
  const answer = await fetch(`${url}/?database=${database}`, {
    method: "POST",
    headers: { "X-ClickHouse-User": username, "X-ClickHouse-Key": password },
    body: query,
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`ClickHouse: ${text}`);
  return text;
}
