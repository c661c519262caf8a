/**
 * Health alerts: devices' uploads, athletes' profiles, rules and acknowledgements in; each transition of each alert out, once.
 * The rules are in lib/health/.
 */
import { boundedDisorder, hours, job, seconds, topic, watermarkBy } from "../runtime/index.ts";
import {
  Alert,
  AlertAcknowledgement,
  type Codec,
  HealthRules,
  Profile,
  Race,
  Upload,
} from "../schemas/index.ts";
import { finishesTopic } from "./lib/finishes.ts";
import {
  type Finishers,
  lateUploads,
  type PersonInput,
  participantStep,
} from "./lib/health/participant-step.ts";
import { AHEAD_MAX_MS, checkAcknowledgement, checkUpload, misdated } from "./lib/health/upload-checks.ts";
import { runnerKey } from "./lib/runner-step.ts";

/** How far uploads may be out of order: later they are judged by, and sooner they are late. */
const DISORDER_MS = seconds(5);
/** A device that heard no answer sends again, for at most so long. */
const SENT_AGAIN_MS = hours(6);

/**
 * `uploads`, `profiles`, `health-rules`, `alert-acknowledgements`, `races`, `finishes` → `alerts`. Each but rules and races is keyed
 * by participant.
 *
 * @param prefix of the names of the job and of its topics: another copy of it, beside the first.
 */
export const healthAlerts = (prefix = "") =>
  job(`${prefix}health-alerts`, (flow) => {
    const named = <T>(name: string, codec: Codec<T>) => topic(prefix + name, codec);
    const rules = flow.broadcast(named("health-rules", HealthRules), {
      keyOf: ({ event }) => event,
      activeFrom: ({ fromMs }) => fromMs,
    });
    const profiles = flow.versions(named("profiles", Profile), { timeOf: ({ fromMs }) => fromMs });
    const finishers: Finishers = {
      races: flow.table(named("races", Race), { keyOf: ({ id }) => id }),
      finishes: flow.table(finishesTopic(prefix), { keyOf: runnerKey }),
    };

    // The steps' names are those of their state in every checkpoint: renaming one orphans it.
    const sent = flow.from(named("uploads", Upload));
    const uploads = sent
      .map("checked", checkUpload)
      .watermark(
        boundedDisorder({
          timeOf: ({ readings }) => readings.at(-1)!.tsMs,
          disorderMax: DISORDER_MS,
          quietAfter: seconds(5),
          future: { ahead: AHEAD_MAX_MS, receivedOf: ({ receivedMs }) => receivedMs },
        }),
      )
      .keyBy(({ participant }) => participant)
      .dedup("once", { idOf: ({ device, id }) => `${device}/${id}`, within: SENT_AGAIN_MS })
      // Puts them in order, too: each waits until the watermark has reached it, and those of one person leave by time.
      .join("with-profile", profiles, {
        codec: Upload,
        join: (upload, profile): PersonInput => ({ upload, hrLimit: profile?.hrLimit ?? null }),
      });

    const acknowledgements = flow
      .from(named("alert-acknowledgements", AlertAcknowledgement))
      .map("acknowledged", checkAcknowledgement)
      // They hold at once, whatever their time: it says nothing of how far the readings have come.
      .watermark(
        watermarkBy({
          timeOf: () => 0,
          idleAfter: 0,
          generator: () => ({ onRecord: () => Number.NEGATIVE_INFINITY }),
        }),
      )
      .keyBy(({ participant }) => participant);

    const people = uploads
      .union(acknowledgements)
      .process("by-participant", participantStep(rules, finishers));
    people.to(
      topic(`${prefix}alerts`, Alert, {
        key: ({ id }) => id,
        // One reader of a partition sees a person's alerts in the order they came to be.
        partitionBy: ({ participant }) => participant,
      }),
    );
    const late = topic(`${prefix}late-uploads`, Upload, { key: ({ participant }) => participant });
    people.side(lateUploads).to(late);
    sent.flatMap("misdated", misdated).to(late);
  });

export default healthAlerts();
