/**
 * An athlete's windows for the browser tests: written into the real Kafka as the job would, and kept as ClickHouse would have them, once
 * `settle` says that they have arrived there.
 */
import type { KafkaConnection } from "../../runtime/config.ts";
import { ensureTopics } from "../../runtime/kafka/admin.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { createProducer, type IdempotentProducer } from "../../runtime/kafka/producer.ts";
import { ReadingWindow, type SegmentTotal } from "../../schemas/index.ts";
import type { AthleteStore } from "../live/athletes/athlete-store.ts";
import { sampleWindow } from "../testing/sample-windows.ts";

const TOPIC = "reading-windows";
const PARTITIONS = 4;

export class TestAthletes {
  readonly #producer: IdempotentProducer;
  readonly #race: string;
  readonly #told: ReadingWindow[] = [];
  #stored: ReadingWindow[] = [];
  readonly segments: SegmentTotal[] = [];

  private constructor(producer: IdempotentProducer, race: string) {
    this.#producer = producer;
    this.#race = race;
  }

  static async of(kafka: KafkaConnection, race: string): Promise<TestAthletes> {
    await ensureTopics(kafka, [{ topic: TOPIC, partitions: PARTITIONS }]);
    return new TestAthletes(await createProducer(kafka, { clientId: "athlete-test" }), race);
  }

  /** The `n`th window of ten seconds, and what else it says. */
  async tell(bib: string, n: number, other: Partial<ReadingWindow> = {}): Promise<void> {
    const event = this.#race;
    const window = sampleWindow(bib, n, { event, participant: `${event}/${bib}`, ...other });
    this.#told.push(window);
    const partition = partitionOf(window.participant, PARTITIONS);
    const key = `${window.participant}/${window.size}/${window.startMs}`;
    await this.#producer.send(TOPIC, partition, key, ReadingWindow.encode(window), 0);
    await this.#producer.flush();
  }

  /** What was told can be asked for. */
  settle(): void {
    this.#stored = [...this.#told];
  }

  readonly store: AthleteStore = {
    windows: async ({ athlete, size, fromMs, toMs, limit }) => {
      const latest = new Map<number, ReadingWindow>();
      for (const window of this.#stored)
        if (window.participant === athlete && window.size === size) latest.set(window.startMs, window);
      return [...latest.values()]
        .filter(({ startMs }) => startMs >= fromMs && startMs < toMs)
        .sort((a, b) => a.startMs - b.startMs)
        .slice(-limit);
    },
    tracked: async (athletes) =>
      athletes
        .filter((athlete) => this.#stored.some(({ participant }) => participant === athlete))
        .map((athlete) => ({ athlete, lastMs: 0 })),
    covered: async (athlete, _event, fromMs, toMs) => {
      const windows = await this.store.windows({ athlete, size: "10s", fromMs, toMs, limit: 10_000 });
      const sum = (of: (window: ReadingWindow) => number) => windows.reduce((total, it) => total + of(it), 0);
      return { distanceM: sum(({ distanceM }) => distanceM), activeS: sum(({ activeS }) => activeS) };
    },
    segments: async (athlete) => this.segments.filter(({ participant }) => participant === athlete),
    close: async () => undefined,
  };

  async close(): Promise<void> {
    await this.#producer.close();
  }
}
