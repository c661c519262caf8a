/** A group member in a process of its own, for tests that kill it. Tells its parent what it is assigned and gives up. */
import type { KafkaConnection } from "../config.ts";
import { joinGroup } from "./membership.ts";

const [kafka, group, topic, clientId, sessionTimeoutMs] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const tell = (message: object) => process.send?.(message);

let readMeanwhile: number | undefined;

const membership = await joinGroup(JSON.parse(kafka) as KafkaConnection, {
  group,
  topic,
  clientId,
  sessionTimeoutMs: Number(sessionTimeoutMs),
  onAssigned: (slots) => tell({ assigned: slots }),
  onRevoked: async (slots) => {
    // Closing a slot takes a while; the next owner waits for it.
    await new Promise((resolve) => setTimeout(resolve, 200));
    tell({ revoked: slots });
  },
  // The slot goes on until the group has spoken.
  onLost: (slots) => {
    tell({ revoked: slots });
    if (readMeanwhile !== undefined) setImmediate(commit, readMeanwhile);
  },
  log: (line) => tell({ line }),
});

function commit(offset: number): void {
  membership.commitOffsets([0, 1, 2, 3].map((partition) => ({ topic, partition, offset })));
}

interface Order {
  readonly commit?: number;
  /** Committed while the lease is in doubt. */
  readonly whenLost?: number;
  readonly leave?: true;
  readonly blockMs?: number;
  readonly confirm?: number;
}

process.on("message", async (message: Order) => {
  if (message.confirm !== undefined) tell({ confirmed: await membership.confirms(message.confirm) });
  if (message.commit !== undefined) commit(message.commit);
  if (message.whenLost !== undefined) readMeanwhile = message.whenLost;
  if (message.blockMs !== undefined)
    for (const end = performance.now() + message.blockMs; performance.now() < end; );
  if (message.leave) {
    await membership.leave();
    process.disconnect();
  }
});
