/**
 * Which node's sink works: whoever Kafka's group protocol gives the one partition of the sink's own topic.
 *
 * The sink never reads through the group; it only takes from it whose turn it is. Two nodes may believe it is theirs for a
 * moment: the transactional id decides then (X5 in protocol.ts).
 */
import { joinGroup } from "../../cluster/membership.ts";
import type { KafkaConnection } from "../../config.ts";
import { ensureTopics } from "../../kafka/admin.ts";
import { rangesTopicSpec } from "./announcements.ts";

export interface Lease {
  release(): Promise<void>;
}

export interface LeaseOptions {
  readonly kafka: KafkaConnection;
  /** Of the sink, and of its group. */
  readonly name: string;
  readonly log: (line: string) => void;
  readonly onHeld: () => void;
  /** Awaited before another node is given the lease, within Kafka's patience. */
  readonly onRevoked: () => Promise<void>;
  /** The group has not heard of this node for too long: another may hold the lease already, or nobody, and it comes back. */
  readonly onLost: () => void;
}

export async function holdLease({ kafka, name, log, ...on }: LeaseOptions): Promise<Lease> {
  const spec = rangesTopicSpec(name);
  await ensureTopics(kafka, [spec]);
  const membership = await joinGroup(kafka, {
    group: name,
    topic: spec.topic,
    clientId: name,
    log,
    onAssigned: (slots) => {
      if (slots.length > 0) on.onHeld();
    },
    onRevoked: async (slots) => {
      if (slots.length > 0) await on.onRevoked();
    },
    onLost: (slots) => {
      if (slots.length > 0) on.onLost();
    },
  });
  return { release: () => membership.leave() };
}
