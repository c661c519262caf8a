/** Health alerts in the real Kafka for the browser tests: written as the job would, and acknowledged as it would. */
import type { KafkaConnection } from "../../runtime/config.ts";
import { ensureTopics } from "../../runtime/kafka/admin.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { createProducer, type IdempotentProducer } from "../../runtime/kafka/producer.ts";
import { Alert, type AlertKind } from "../../schemas/index.ts";
import type { AcknowledgementDesk } from "../live/alerts/acknowledge.ts";
import { acknowledgedAlert, clearedAlert, escalatedAlert, raisedAlert } from "../testing/sample-alerts.ts";

const TOPIC = "alerts";
const PARTITIONS = 4;

export class TestAlerts {
  readonly #producer: IdempotentProducer;
  readonly #race: string;
  readonly #open = new Map<string, Alert>();
  /** What happens to an acknowledgement; `undefined`: what the job would do. */
  decide: ((alert: Alert) => Alert | undefined) | undefined;

  private constructor(producer: IdempotentProducer, race: string) {
    this.#producer = producer;
    this.#race = race;
  }

  static async of(kafka: KafkaConnection, race: string): Promise<TestAlerts> {
    await ensureTopics(kafka, [{ topic: TOPIC, partitions: PARTITIONS }]);
    return new TestAlerts(await createProducer(kafka, { clientId: "medic-test" }), race);
  }

  readonly desk: AcknowledgementDesk = {
    send: async ({ id, by, note }) => {
      const open = this.#open.get(id)!;
      const next = this.decide ? this.decide(open) : acknowledgedAlert(open, by, note);
      if (next) await this.#say(next);
    },
  };

  async raise(bib: string, minute: number, kind?: AlertKind, other: Partial<Alert> = {}): Promise<Alert> {
    // A little later than any before: an id is for one alert.
    const at = minute + this.#open.size / 60_000;
    return await this.#say(raisedAlert(bib, at, kind, { event: this.#race, ...other }));
  }

  escalate(alert: Alert): Promise<Alert> {
    return this.#say(escalatedAlert(this.#open.get(alert.id)!));
  }

  clear(alert: Alert): Promise<Alert> {
    return this.#say(clearedAlert(this.#open.get(alert.id)!));
  }

  /** Ends all that are open. */
  async clearAll(): Promise<void> {
    for (const alert of this.#open.values()) if (alert.state !== "cleared") await this.clear(alert);
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }

  async #say(alert: Alert): Promise<Alert> {
    this.#open.set(alert.id, alert);
    const partition = partitionOf(alert.participant, PARTITIONS);
    await this.#producer.send(TOPIC, partition, alert.id, Alert.encode(alert), 0);
    await this.#producer.flush();
    return alert;
  }
}
