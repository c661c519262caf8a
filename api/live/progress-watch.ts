/**
 * Whether a follower makes progress, held against what the log has: a reader that waits for an answer that never comes says nothing
 * of itself. Asks the log now and then, never waits for it.
 *
 * W1  A partition that has had the same records unread for `STUCK_AFTER_MS` is stuck, whatever the others do.
 * W2  A log that has not answered for as long is a problem, too: nobody can know what is missing.
 */
import { type Problem, STUCK_AFTER_MS } from "../../runtime/health.ts";
import type { PartitionReader, TopicPartition } from "../../runtime/kafka/log.ts";
import type { Time } from "../../runtime/time.ts";

const ASK_EVERY_MS = 5_000;

export class ProgressWatch {
  readonly #reader: Pick<PartitionReader, "offsets">;
  readonly #partitions: readonly TopicPartition[];
  readonly #next: ReadonlyMap<string, number>;
  readonly #time: Pick<Time, "now" | "elapsed">;
  #asking = false;
  #askedMs: number;
  /** Since when no question has been answered. */
  #silentSinceMs: number | undefined;
  /** Of partitions with something unread: what was next, and since when. */
  readonly #behind = new Map<string, { next: number; sinceMs: number; unread: number }>();

  /** @param next what the follower reads next, by `topic/partition` */
  constructor(
    reader: Pick<PartitionReader, "offsets">,
    partitions: readonly TopicPartition[],
    next: ReadonlyMap<string, number>,
    time: Pick<Time, "now" | "elapsed">,
  ) {
    this.#reader = reader;
    this.#partitions = partitions;
    this.#next = next;
    this.#time = time;
    this.#askedMs = time.elapsed();
  }

  /** Called often; asks when it is time. */
  look(): void {
    const nowMs = this.#time.elapsed();
    if (this.#asking || nowMs - this.#askedMs < ASK_EVERY_MS) return;
    this.#asking = true;
    this.#askedMs = nowMs;
    this.#silentSinceMs ??= nowMs;
    this.#reader
      .offsets(this.#partitions)
      .then(
        (ends) => {
          this.#silentSinceMs = undefined;
          this.#compare(ends);
        },
        () => undefined, // W2: it stays silent
      )
      .finally(() => {
        this.#asking = false;
      });
  }

  get problem(): Omit<Problem, "part"> | undefined {
    const nowMs = this.#time.elapsed();
    const since = (ms: number) => Math.round(this.#time.now() - (nowMs - ms));
    if (this.#silentSinceMs !== undefined && nowMs - this.#silentSinceMs >= STUCK_AFTER_MS) {
      return {
        code: "no-answer",
        message: "Kafka does not answer: what is shown may be old",
        sinceMs: since(this.#silentSinceMs),
      };
    }
    for (const [partition, { next, sinceMs, unread }] of this.#behind) {
      if (nowMs - sinceMs < STUCK_AFTER_MS || this.#next.get(partition) !== next) continue;
      const message = `${partition} has had ${unread} records unread at offset ${next} and has not moved`;
      return { code: "no-progress", message, sinceMs: since(sinceMs) };
    }
    return undefined;
  }

  #compare(ends: readonly { readonly end: number }[]): void {
    const nowMs = this.#time.elapsed();
    this.#partitions.forEach(({ topic, partition }, i) => {
      const key = `${topic}/${partition}`;
      const next = this.#next.get(key) ?? 0;
      const unread = ends[i]!.end - next;
      if (unread <= 0) this.#behind.delete(key);
      else if (this.#behind.get(key)?.next !== next) this.#behind.set(key, { next, sinceMs: nowMs, unread });
    });
  }
}
