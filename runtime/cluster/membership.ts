/**
 * Which slots this node holds: leases dealt out by Kafka's group protocol. Main thread only.
 *
 * The partitions of a lease topic stand for the slots. A consumer joins the group, is assigned partitions and never reads
 * them: they are paused, and it is polled only so that rebalances come through. Owns the lease, not the safety: a node that
 * lost a slot without knowing is stopped by fencing (transactional-writer.ts), whatever the group thinks.
 *
 * G1  A slot is given up only after `onRevoked` is done with it, or has taken `REVOKE_MAX_MS`; the next owner gets it then.
 * G2  The group's offsets are there for Kafka's own lag tools. They decide nothing, so a failed commit (a rebalance is under way)
 *     is tried again in the background, as long as this node has the slot; and told once, until one succeeds. Offsets of a slot whose
 *     lease is in doubt wait for the group's word: what was read meanwhile may be the last there is, and nobody would tell it again.
 * G3  A main thread that is busy for seconds keeps its slots (librdkafka's own thread sends the heartbeats); one that is
 *     blocked for `LOOP_BLOCKED_MAX_MS` loses them.
 */
import kafka, {
  type KafkaConsumer,
  type LibrdKafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from "@confluentinc/kafka-javascript";
import type { KafkaConnection } from "../config.ts";
import { brokerSetting } from "../kafka/admin.ts";
import { KafkaUnavailableError } from "../kafka/errors.ts";
import { delay, ERRORS, librdkafkaSettings, outcome } from "../kafka/librdkafka.ts";
import type { Position } from "../kafka/log.ts";
import { createPartitionReader } from "../kafka/reader.ts";

export interface GroupOptions {
  readonly group: string;
  /** Its partitions are the slots. */
  readonly topic: string;
  readonly clientId: string;
  /** A node that died holds its slots for so long. */
  readonly sessionTimeoutMs?: number;
  /** Slots that this node may open now; those of before stay. */
  readonly onAssigned: (slots: number[]) => void;
  /** Slots that another node waits for: close them, then resolve. */
  readonly onRevoked: (slots: number[]) => Promise<void> | void;
  /** Slots that another node may hold already (this one was silent too long). `onRevoked` where absent. */
  readonly onLost?: (slots: number[]) => Promise<void> | void;
  readonly log: (message: string) => void;
}

export interface Membership {
  /** Tells the group how far the input was read. Returns at once; positions of slots held by others are left out. */
  commitOffsets(positions: readonly Position[]): void;
  /** After `onLost`: these slots are given up. What is known of their offsets is another's to tell. */
  forget(slots: readonly number[]): void;
  /**
   * Whether the group holds this node for the slot's holder now: it is asked. False also when it does not answer in time.
   * What a node believes can be old: one that stood still does not know yet that its slots are others'.
   */
  confirms(slot: number): Promise<boolean>;
  /** Gives all slots up (`onRevoked` is called) and leaves: others get them at once. */
  leave(): Promise<void>;
}

/**
 * Most of the time that a takeover takes. Two seconds without a sign of librdkafka's own thread, which neither a long turn of
 * the event loop nor a collection of garbage stops; and if a node that lives is taken for dead, fencing keeps the results right.
 */
const SESSION_TIMEOUT_MS = 2_000;
/** Kafka's default lower limit (`group.min.session.timeout.ms`), where the brokers do not say theirs. */
const SESSION_TIMEOUT_FALLBACK_MS = 6_000;
const LOOP_BLOCKED_MAX_MS = 60_000;
const REVOKE_MAX_MS = 15_000;
const POLL_MS = 50;
const OFFSETS_AGAIN_MS = 1_000;
const CONFIRM_MAX_MS = 5_000;
const CONNECT_BUDGET_MS = 60_000;
const OFFSET_END = -1;
/** While slots change hands, the coordinator refuses commits: no trouble at all. */
const HAND_OVER: ReadonlySet<number> = new Set([
  ERRORS.ERR_ILLEGAL_GENERATION,
  ERRORS.ERR_UNKNOWN_MEMBER_ID,
  ERRORS.ERR_REBALANCE_IN_PROGRESS,
]);

/** Not in the addon's types, but part of its documented API. */
interface CooperativeConsumer extends KafkaConsumer {
  incrementalAssign(partitions: TopicPartition[]): void;
  incrementalUnassign(partitions: TopicPartition[]): void;
  assignmentLost(): boolean;
}

/** Joins the group; slots come in by `onAssigned`. Throws when the cluster cannot be reached within a minute. */
export async function joinGroup(connection: KafkaConnection, options: GroupOptions): Promise<Membership> {
  const reader = createPartitionReader(connection, { clientId: options.clientId });
  const [slotCount, shortestMs] = await Promise.all([
    reader.partitionCount(options.topic).finally(() => reader.close()),
    brokerSetting(connection, "group.min.session.timeout.ms"),
  ]);
  const membership = new GroupMember(connection, options, slotCount);
  await membership.start(Math.max(options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS, Number(shortestMs ?? 0)));
  return membership;
}

class GroupMember implements Membership {
  readonly #connection: KafkaConnection;
  readonly #options: GroupOptions;
  readonly #slotCount: number;
  readonly #owned = new Set<number>();
  /** The newest offsets that the group does not have yet, by topic/partition. */
  readonly #offsets = new Map<string, Position>();
  #offsetsTriedMs = 0;
  #consumer: CooperativeConsumer | undefined;
  #polling: Promise<void> = Promise.resolve();
  #leaving = false;
  /** Who waits for the coordinator's word. */
  /** Lost, and not given up. */
  readonly #doubted = new Set<number>();
  readonly #asked = new Set<(isMember: boolean) => void>();
  #sessionTimeoutMs = SESSION_TIMEOUT_MS;
  #lastErrorCode: number | undefined;
  /** The trouble with offsets that was told last. */
  #toldOffsets: string | undefined;

  constructor(connection: KafkaConnection, options: GroupOptions, slotCount: number) {
    this.#connection = connection;
    this.#options = options;
    this.#slotCount = slotCount;
  }

  async start(sessionTimeoutMs: number): Promise<void> {
    this.#sessionTimeoutMs = sessionTimeoutMs;
    const deadlineMs = performance.now() + CONNECT_BUDGET_MS;
    for (let timeout = 2_000; ; timeout = Math.min(2 * timeout, 10_000)) {
      const consumer = this.#newConsumer();
      const error = await outcome((done) => consumer.connect({ timeout }, done));
      if (error === undefined) {
        consumer.setDefaultConsumeTimeout(1);
        consumer.subscribe([this.#options.topic]);
        this.#consumer = consumer;
        this.#polling = this.#poll(consumer);
        return;
      }
      if (performance.now() > deadlineMs) {
        throw new KafkaUnavailableError(`group ${this.#options.group}: ${error.message}`, { cause: error });
      }
      await delay(200);
    }
  }

  commitOffsets(positions: readonly Position[]): void {
    for (const position of positions) this.#offsets.set(`${position.topic}/${position.partition}`, position);
    this.#tryOffsets();
  }

  #tryOffsets(): void {
    const ours: Position[] = [];
    for (const [id, position] of this.#offsets) {
      const slot = position.partition % this.#slotCount;
      if (this.#owned.has(slot)) ours.push(position);
      else if (!this.#doubted.has(slot)) this.#offsets.delete(id);
    }
    if (ours.length === 0 || this.#consumer === undefined) return;
    this.#offsetsTriedMs = performance.now();
    try {
      this.#consumer.commit(ours.map(({ topic, partition, offset }) => ({ topic, partition, offset })));
    } catch (error) {
      this.#offsetsFailed(error as Error);
    }
  }

  forget(slots: readonly number[]): void {
    for (const slot of slots) this.#doubted.delete(slot);
  }

  /** G2 */
  #offsetsFailed({ message, code }: { readonly message: string; readonly code?: number }): void {
    const isHandOver = code !== undefined && HAND_OVER.has(code);
    const what = isHandOver
      ? "slots change hands; offsets for Kafka's lag tools are committed when that is done"
      : `offsets for Kafka's lag tools are not committed: ${message}`;
    if (what === this.#toldOffsets) return;
    this.#toldOffsets = what;
    this.#options.log(`group ${this.#options.group}: ${what}`);
  }

  /** By a commit for the lease itself, which the coordinator takes from a member of its present generation only. */
  async confirms(slot: number): Promise<boolean> {
    if (this.#consumer === undefined || !this.#owned.has(slot)) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#asked.add(resolve);
    try {
      this.#consumer.commit([{ topic: this.#options.topic, partition: slot, offset: 0 }]);
      const isMember = await Promise.race([promise, delay(CONFIRM_MAX_MS).then(() => false)]);
      return isMember && this.#owned.has(slot);
    } catch {
      return false;
    } finally {
      this.#asked.delete(resolve);
    }
  }

  async leave(): Promise<void> {
    const consumer = this.#consumer;
    if (consumer === undefined || this.#leaving) return;
    // Unsubscribing revokes everything through the callback, while the consumer is still polled.
    consumer.unsubscribe();
    const deadlineMs = performance.now() + REVOKE_MAX_MS + this.#sessionTimeoutMs;
    while (this.#owned.size > 0 && performance.now() < deadlineMs) await delay(10);
    this.#leaving = true;
    await this.#polling;
    await outcome((done) => consumer.disconnect(done));
    this.#consumer = undefined;
  }

  #newConsumer(): CooperativeConsumer {
    const sessionTimeoutMs = this.#sessionTimeoutMs;
    const consumer: KafkaConsumer = new kafka.KafkaConsumer(
      {
        ...librdkafkaSettings(this.#connection, this.#options.clientId),
        "group.id": this.#options.group,
        "group.protocol": "classic",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": sessionTimeoutMs,
        // A rebalance is noticed by a heartbeat's answer.
        "heartbeat.interval.ms": Math.max(100, Math.floor(sessionTimeoutMs / 8)),
        "max.poll.interval.ms": Math.max(LOOP_BLOCKED_MAX_MS, sessionTimeoutMs), // G3
        "enable.auto.commit": false,
        "enable.auto.offset.store": false,
        rebalance_cb: (error: LibrdKafkaError, partitions: TopicPartition[]) => {
          void this.#rebalanced(consumer as CooperativeConsumer, error, partitions);
        },
        offset_commit_cb: (error: LibrdKafkaError, committed: TopicPartitionOffset[] = []) => {
          if (committed.some(({ topic }) => topic === this.#options.topic))
            for (const answer of this.#asked) answer(!error);
          if (error) {
            this.#offsetsFailed(error);
            return;
          }
          this.#toldOffsets = undefined;
          for (const { topic, partition, offset } of committed) {
            const id = `${topic}/${partition}`;
            if (this.#offsets.get(id)?.offset === offset) this.#offsets.delete(id);
          }
        },
      },
      { "auto.offset.reset": "latest" },
    );
    return consumer as CooperativeConsumer;
  }

  async #poll(consumer: CooperativeConsumer): Promise<void> {
    while (!this.#leaving) {
      // Nothing comes in but rebalances and errors: the partitions are paused.
      const error = await outcome((done) => consumer.consume(1, done));
      if (error?.code === ERRORS.ERR_INVALID_SESSION_TIMEOUT && this.#fallBack(consumer)) return;
      if (error !== undefined && error.code !== this.#lastErrorCode && error.code !== ERRORS.ERR__TIMED_OUT) {
        this.#options.log(`group ${this.#options.group}: ${error.message} (${error.code})`);
      }
      this.#lastErrorCode = error?.code;
      if (performance.now() - this.#offsetsTriedMs > OFFSETS_AGAIN_MS) this.#tryOffsets();
      await delay(POLL_MS);
    }
  }

  /** The broker refuses a short session: once more with one that every broker allows. */
  #fallBack(consumer: CooperativeConsumer): boolean {
    if (this.#sessionTimeoutMs >= SESSION_TIMEOUT_FALLBACK_MS) return false;
    this.#options.log(
      `group ${this.#options.group}: the broker refuses a session time-out of ${this.#sessionTimeoutMs} ms ` +
        `(group.min.session.timeout.ms), going on with ${SESSION_TIMEOUT_FALLBACK_MS} ms`,
    );
    void outcome((done) => consumer.disconnect(done))
      .then(() => this.start(SESSION_TIMEOUT_FALLBACK_MS))
      .catch((error: Error) => this.#options.log(error.message));
    return true;
  }

  async #rebalanced(
    consumer: CooperativeConsumer,
    error: LibrdKafkaError,
    partitions: TopicPartition[],
  ): Promise<void> {
    const slots = partitions.map(({ partition }) => partition).sort((a, b) => a - b);
    try {
      if (error.code === ERRORS.ERR__ASSIGN_PARTITIONS) {
        // From the end, so that no offset is looked up for what is never read.
        consumer.incrementalAssign(partitions.map((one) => ({ ...one, offset: OFFSET_END })));
        if (partitions.length > 0) consumer.pause(partitions);
        for (const slot of slots) {
          this.#owned.add(slot);
          this.#doubted.delete(slot);
        }
        if (slots.length > 0) this.#options.onAssigned(slots);
      } else if (error.code === ERRORS.ERR__REVOKE_PARTITIONS) {
        const { onRevoked, onLost = onRevoked } = this.#options;
        const isLost = consumer.assignmentLost();
        const handler = isLost ? onLost : onRevoked;
        if (isLost && onLost !== onRevoked) for (const slot of slots) this.#doubted.add(slot); // G2
        if (slots.length > 0) await Promise.race([this.#handled(handler, slots), delay(REVOKE_MAX_MS)]); // G1
        for (const slot of slots) this.#owned.delete(slot);
        consumer.incrementalUnassign(partitions);
      } else {
        this.#options.log(`group ${this.#options.group}: ${error.message} (${error.code})`);
      }
    } catch (thrown) {
      this.#options.log(`group ${this.#options.group}: rebalance: ${(thrown as Error).message}`);
    }
  }

  async #handled(handler: (slots: number[]) => Promise<void> | void, slots: number[]): Promise<void> {
    try {
      await handler(slots);
    } catch (error) {
      this.#options.log(
        `group ${this.#options.group}: giving up slots ${slots}: ${(error as Error).message}`,
      );
    }
  }
}
