/** Devices as a play: their deliveries are the steps. How they get into Kafka is `infra/replay/play.ts`'s. */
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { codecOf, Upload } from "../../schemas/index.ts";
import type { Play } from "../replay/play.ts";
import type { PlayProgress } from "../replay/progress.ts";
import { UPLOADS } from "../replay/topics.ts";
import type { Cursor, Delivery, UploadPlan } from "./upload-plan.ts";

/** How much of a plan was sent; the cursor is where it goes on. */
export interface DeviceProgress extends PlayProgress, Cursor {
  /** Repetitions count. */
  readonly uploads: number;
  readonly readings: number;
  /** When the first upload was sent, Unix milliseconds; `null` before. */
  readonly firstUploadAtMs: number | null;
}

export const DeviceProgress = codecOf<DeviceProgress>("device-progress", {
  type: "record",
  name: "DeviceProgress",
  fields: [
    { name: "fingerprint", type: "string" },
    { name: "owner", type: "string" },
    { name: "ended", type: "boolean" },
    { name: "period", type: "int" },
    { name: "position", type: "int" },
    { name: "uploads", type: "long" },
    { name: "readings", type: "long" },
    { name: "firstUploadAtMs", type: ["null", "long"] },
  ],
});

type Step = Delivery | "end";

export interface DevicePlay {
  /** Of the field: a race's id, or the name of the copies. */
  readonly name: string;
  readonly fingerprint: string;
  readonly plan: UploadPlan;
  /** Unix time at which the play's clock shows 0. */
  readonly clockZeroMs: number;
  readonly partitions: number;
}

const NO_PREFIX = new Uint8Array(0);

/** The key of a field's progress: a race of the same name has its own. */
export function devicePlayId(name: string): string {
  return `devices/${name}`;
}

export function devicePlay(options: DevicePlay): Play<DeviceProgress, Step> {
  const { name, fingerprint, plan, clockZeroMs, partitions } = options;
  return {
    id: devicePlayId(name),
    fingerprint,
    fresh: {
      fingerprint,
      owner: "",
      ended: false,
      period: 0,
      position: 0,
      uploads: 0,
      readings: 0,
      firstUploadAtMs: null,
    },
    progress: DeviceProgress,
    topics: [UPLOADS],
    amount: ({ uploads }) => `${uploads} uploads`,
    steps: (sent) => stepsOf(plan, sent),
    dueMs: (step) => (step === "end" ? undefined : step.timeMs - clockZeroMs),
    write(step, frames, nowMs) {
      if (step === "end") return;
      for (let i = 0; i < step.ids.length; i++) {
        const upload = plan.upload(step, i);
        const partition = partitionOf(upload.participant, partitions);
        frames.writeEncoded(0, partition, nowMs, upload.participant, NO_PREFIX, Upload, upload);
      }
    },
    count(sent, step, nowMs) {
      if (step === "end") {
        sent.ended = true;
        return;
      }
      sent.period = step.period;
      sent.position = step.position + 1;
      sent.uploads += step.ids.length;
      sent.readings += step.readings;
      sent.firstUploadAtMs ??= nowMs;
    },
  };
}

function* stepsOf(plan: UploadPlan, sent: DeviceProgress): Generator<Step, void> {
  if (sent.ended) return;
  yield* plan.deliveries(sent);
  yield "end";
}
