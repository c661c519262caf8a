/**
 * The transaction coordinator of the simulated cluster: who owns a transactional id, and how its transaction ends. As Kafka's
 * `TransactionCoordinator` for requests without KIP-890, of which the runtime's writer is one.
 *
 * C1  `InitProducerId` raises the epoch. An open transaction is aborted first, one that is being ended is waited for: the
 *     caller is told CONCURRENT_TRANSACTIONS until every marker is written.
 * C2  `EndTxn` is answered once the decision stands; markers follow later. Asked again, the same decision is the answer.
 * C3  A transaction that is open for longer than its time-out is aborted, and its producer is of an old epoch from then on.
 */
import type { Cluster } from "./cluster.ts";
import type { World } from "./world.ts";

type State = "empty" | "ongoing" | "prepare-commit" | "prepare-abort" | "complete-commit" | "complete-abort";

export type CoordinatorError =
  | "CONCURRENT_TRANSACTIONS"
  | "PRODUCER_FENCED"
  | "INVALID_TXN_STATE"
  | "INVALID_PRODUCER_ID_MAPPING"
  | "NOT_COORDINATOR";

interface Transactional {
  readonly id: string;
  readonly producerId: number;
  epoch: number;
  /** The epoch before, where a producer that only goes on may ask for the next one again (KIP-360). */
  lastEpoch: number;
  state: State;
  timeoutMs: number;
  /** `topic/partition`. */
  readonly partitions: Set<string>;
  /** Transactions so far: a timer of an earlier one means nothing. */
  count: number;
}

const ABORT_CHECK_MS = 1_000;

export class Coordinator {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #byId = new Map<string, Transactional>();
  #nextProducerId = 1_000;
  #awayUntilMs = 0;

  constructor(world: World, cluster: Cluster) {
    this.#world = world;
    this.#cluster = cluster;
  }

  /** The coordinator moves to another broker: nobody answers for a while, nothing is lost. */
  move(forMs: number): void {
    this.#awayUntilMs = this.#world.nowMs + forMs;
    this.#world.mark("coordinator moved");
  }

  get isAway(): boolean {
    return this.#world.nowMs < this.#awayUntilMs;
  }

  /** Ids whose transaction is open or not fully ended. */
  unfinished(): string[] {
    return [...this.#byId.values()]
      .filter(({ state }) => state === "ongoing" || state.startsWith("prepare"))
      .map(({ id, state }) => `${id} (${state})`);
  }

  /** @param current of a producer that only goes on; its epoch counts for nothing while a transaction is open, as in Kafka */
  initProducerId(
    id: string,
    timeoutMs: number,
    current?: { readonly id: number; readonly epoch: number },
  ): { producerId: number; epoch: number } | { error: CoordinatorError } {
    if (this.isAway) return { error: "NOT_COORDINATOR" };
    let known = this.#byId.get(id);
    if (known === undefined) {
      known = {
        id,
        producerId: this.#nextProducerId++,
        epoch: -1,
        lastEpoch: -1,
        state: "empty",
        timeoutMs,
        partitions: new Set(),
        count: 0,
      };
      this.#byId.set(id, known);
    }
    if (current && current.id !== known.producerId) return { error: this.#fenced(known) };
    switch (known.state) {
      case "ongoing":
        known.epoch++; // C1
        known.lastEpoch = -1;
        this.#end(known, "abort");
        this.#world.mark("init aborted an open transaction");
        this.#world.tell("coordinator", `${id}: init aborts the open transaction`);
        return { error: "CONCURRENT_TRANSACTIONS" };
      case "prepare-commit":
      case "prepare-abort":
        this.#world.mark("init waited for a transaction being ended");
        return { error: "CONCURRENT_TRANSACTIONS" };
      default:
        if (current && current.epoch !== known.epoch) {
          if (current.epoch !== known.lastEpoch) return { error: this.#fenced(known) };
          return { producerId: known.producerId, epoch: known.epoch };
        }
        if (current) this.#world.mark("epoch renewed");
        known.lastEpoch = known.epoch;
        known.epoch++;
        known.state = "empty";
        known.timeoutMs = timeoutMs;
        this.#world.tell("coordinator", `${id}: epoch ${known.epoch}`);
        return { producerId: known.producerId, epoch: known.epoch };
    }
  }

  addPartitions(
    id: string,
    producerId: number,
    epoch: number,
    partitions: readonly string[],
  ): CoordinatorError | undefined {
    if (this.isAway) return "NOT_COORDINATOR";
    const known = this.#byId.get(id);
    if (known?.producerId !== producerId) return "INVALID_PRODUCER_ID_MAPPING";
    if (known.epoch !== epoch) return this.#fenced(known);
    if (known.state === "prepare-commit" || known.state === "prepare-abort") return "CONCURRENT_TRANSACTIONS";
    if (known.state !== "ongoing") {
      known.state = "ongoing";
      known.partitions.clear();
      this.#watch(known, ++known.count);
    }
    for (const partition of partitions) known.partitions.add(partition);
    return undefined;
  }

  /** KIP-890's check of a broker, which helps old clients too: is the partition part of the open transaction? */
  holds(producerId: number, epoch: number, partition: string): boolean {
    for (const known of this.#byId.values()) {
      if (known.producerId === producerId)
        return known.epoch === epoch && known.state === "ongoing" && known.partitions.has(partition);
    }
    return false;
  }

  endTransaction(
    id: string,
    producerId: number,
    epoch: number,
    decision: "abort" | "commit",
  ): CoordinatorError | undefined {
    if (this.isAway) return "NOT_COORDINATOR";
    const known = this.#byId.get(id);
    if (known?.producerId !== producerId) return "INVALID_PRODUCER_ID_MAPPING";
    if (known.epoch !== epoch) return this.#fenced(known);
    switch (known.state) {
      case "ongoing":
        this.#end(known, decision);
        return undefined;
      case "prepare-commit":
      case "prepare-abort":
        return known.state === `prepare-${decision}` ? "CONCURRENT_TRANSACTIONS" : "INVALID_TXN_STATE";
      case "complete-commit":
      case "complete-abort":
        if (known.state !== `complete-${decision}`) return "INVALID_TXN_STATE";
        this.#world.mark("transaction ended twice with one decision");
        return undefined; // C2
      case "empty":
        return "INVALID_TXN_STATE";
    }
  }

  #fenced({ id }: Transactional): CoordinatorError {
    this.#world.mark("producer of an old epoch refused");
    this.#world.tell("coordinator", `${id}: a producer of an old epoch is refused`);
    return "PRODUCER_FENCED";
  }

  /** The decision stands from here on; the markers come one by one. */
  #end(known: Transactional, decision: "abort" | "commit"): void {
    known.state = `prepare-${decision}`;
    const { epoch } = known;
    let left = known.partitions.size;
    const over = () => {
      known.state = `complete-${decision}`;
    };
    if (left === 0) over();
    const write = (partition: string) => {
      // A coordinator that moved writes what is left of the markers once it is there again.
      if (this.isAway) {
        this.#world.after(this.#world.random.latencyMs(50), () => write(partition));
        return;
      }
      this.#cluster.log(partition).mark(known.producerId, epoch, decision, this.#cluster.brokerNow());
      if (--left === 0) over();
    };
    for (const partition of known.partitions)
      this.#world.after(this.#cluster.network.markerDelayMs(), () => write(partition));
  }

  /** C3 */
  #watch(known: Transactional, count: number): void {
    const check = () => {
      if (known.count !== count || known.state !== "ongoing") return;
      if (this.isAway) {
        this.#world.after(ABORT_CHECK_MS, check);
        return;
      }
      known.epoch++;
      this.#world.mark("transaction timed out");
      this.#world.tell("coordinator", `${known.id}: the transaction is open for too long and aborted`);
      this.#end(known, "abort");
    };
    this.#world.after(known.timeoutMs + this.#world.random.fraction() * ABORT_CHECK_MS, check);
  }
}
