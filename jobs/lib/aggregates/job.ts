/**
 * The job that says what uploads come to, for whatever wears the devices: by time, by stretches of activity and rest, by
 * segments of a course and by event. What is said of whom, and what counts as activity, is its configuration.
 *
 * AG1  Every result has the same figures (`statsOf`), whatever it puts together.
 * AG2  A reading counts once in each: repeated uploads are left out, late readings are added as long as a window takes them,
 *      and what comes later still is told in the topic of late readings.
 * AG3  A stretch of activity is told once, when no reading can make it longer any more: a watch that was out of reach for a
 *      while has not interrupted a run.
 */
import {
  boundedDisorder,
  everyEventTime,
  type JobDefinition,
  job,
  type KeyedProcess,
  session,
  sideOutput,
  type Topic,
  topic,
  tumbling,
} from "../../../runtime/index.ts";
import {
  ActivitySession,
  Course,
  EventWindow,
  LateReading,
  Race,
  ReadingWindow,
  SegmentTotal,
  type SessionKind,
  type Upload,
} from "../../../schemas/index.ts";
import type { Wearer } from "../plausible.ts";
import { type DaysOptions, daysStep } from "./days-step.ts";
import { eventTotals, Part, partOf, partTotals, sessionTotals, windowTotals } from "./results.ts";
import { isDated, Sample, type Sampling, samplesOf } from "./sample.ts";
import { segmentsStep } from "./segments-step.ts";
import { spansStep } from "./spans-step.ts";
import type { Measures } from "./totals.ts";

/** Durations are milliseconds: `seconds(10)`. */
export interface WindowSize {
  /** As results name it, such as `10s`. */
  readonly name: string;
  readonly size: number;
  /** Shifts windows off multiples of their size since 1970 UTC, such as days of another time zone. */
  readonly offset?: number;
  /** How long after its end a window still takes readings, and says a new result for each. */
  readonly lateMax: number;
  /** How often a window that is still open says what it has, in event time. */
  readonly earlyEvery?: number;
}

export interface AggregatesOptions {
  /** The job's name. */
  readonly name: string;
  /** Keyed by participant. */
  readonly uploads: Topic<Upload>;
  /** What result topics begin with, such as `collar-`. */
  readonly prefix?: string;
  readonly wearer: Wearer;
  readonly measures: Measures;
  readonly windows: readonly WindowSize[];
  /** Days of where the participant is. `races`: those of an event are its race's. */
  readonly days: DaysOptions & { readonly races?: boolean };
  /** How far behind the newest upload others may be and still be in time. */
  readonly disorderMax: number;
  /** Readings dated further ahead of when Kafka got them are set apart. */
  readonly futureMax: number;
  /** A partition that is silent for so long does not hold windows open. Default: the runtime's. */
  readonly idleAfter?: number;
  /** When nothing comes for so long, windows close by the clock. */
  readonly quietAfter?: number;
  /** Readings further apart have no span between them. */
  readonly gapMax: number;
  /** Activity interrupted for longer is two sessions of it; and so is rest. */
  readonly sessionGap: number;
  /** How long after a session could have gone on it is said: what comes until then is in it. */
  readonly sessionLateMax: number;
  /** Totals by segment of the event's course, for those who cover one. */
  readonly segments?: { readonly sayEvery: number; readonly keptFor: number };
  /** Totals of all participants of an event. */
  readonly events?: WindowSize;
}

export function windowedAggregates(options: AggregatesOptions): JobDefinition {
  const { name, uploads, prefix = "", measures, windows, days, segments, events, gapMax, wearer } = options;
  const sampling: Sampling = { gapMaxMs: gapMax, wearer };
  const lateMax = Math.max(
    ...windows.map((window) => window.lateMax),
    days.lateMax,
    options.sessionLateMax,
    events?.lateMax ?? 0,
  );
  const named = (what: string) => `${prefix}${what}`;
  const byParticipant = ({ participant }: { readonly participant: string }) => participant;

  return job(name, (flow) => {
    const fromTheFuture = sideOutput<Arrived>("from-the-future");
    const sent = flow.from(uploads);
    const timed = sent
      .flatMap("samples", (upload): Arrived[] =>
        samplesOf(upload, sampling).map((sample) => ({ ...sample, receivedMs: upload.receivedMs })),
      )
      .watermark(
        boundedDisorder({
          timeOf: ({ tsMs }) => tsMs,
          disorderMax: options.disorderMax,
          ...(options.idleAfter !== undefined && { idleAfter: options.idleAfter }),
          ...(options.quietAfter !== undefined && { quietAfter: options.quietAfter }),
          future: { ahead: options.futureMax, receivedOf: ({ receivedMs }) => receivedMs, to: fromTheFuture },
        }),
      );
    // The steps' names are those of their state in every checkpoint: renaming one orphans it.
    const samples = timed.keyBy(byParticipant).process("spans", spansStep(sampling, lateMax));

    const lateReadings = topic(named("late-readings"), LateReading, { key: byParticipant });
    const missed = (size: string) => (sample: Sample) => lateReading(sample, size);
    sent
      .flatMap("undated", ({ readings, ...upload }) =>
        readings
          .filter((reading) => !isDated(reading))
          .map(({ tsMs }) => lateReading({ ...upload, upload: upload.id, tsMs }, "undated")),
      )
      .to(lateReadings);
    timed.side(fromTheFuture).map("future-readings", missed("future")).to(lateReadings);

    const readingWindows = topic(named("reading-windows"), ReadingWindow, {
      key: ({ participant, size, startMs }) => `${participant}/${size}/${startMs}`,
      partitionBy: byParticipant,
    });
    for (const { name: size, size: sizeMs, offset, lateMax: allowedLateness, earlyEvery } of windows) {
      const late = sideOutput<Sample>(`late-for-${size}`);
      const results = samples.window(
        `window-${size}`,
        tumbling(sizeMs, offset),
        windowTotals(size, measures),
        {
          allowedLateness,
          late,
          ...(earlyEvery !== undefined && { early: everyEventTime(earlyEvery) }),
        },
      );
      results.to(readingWindows);
      results.side(late).map(`missed-${size}`, missed(size)).to(lateReadings);
    }

    const lateForDay = sideOutput<Sample>(`late-for-${days.name}`);
    const races = days.races ? flow.table(topic("races", Race), { keyOf: ({ id }) => id }) : undefined;
    const ofDays = samples.process("days", daysStep(days, measures, races, lateForDay));
    ofDays.to(readingWindows);
    ofDays.side(lateForDay).map(`missed-${days.name}`, missed(days.name)).to(lateReadings);

    const sessions = topic(named("activity-sessions"), ActivitySession, {
      key: ({ participant, kind, startMs }) => `${participant}/${kind}/${startMs}`,
      partitionBy: byParticipant,
    });
    const isOf: Record<SessionKind, (sample: Sample) => boolean> = {
      active: (sample) => sample.span !== null && measures.isActive(sample),
      rest: (sample) => sample.span !== null && !measures.isActive(sample),
    };
    for (const kind of ["active", "rest"] as const) {
      const late = sideOutput<Sample>(`late-for-${kind}`);
      const results = samples
        .process(`is-${kind}`, only(isOf[kind]))
        .window(`session-${kind}`, session(options.sessionGap), sessionTotals(kind, measures), {
          allowedLateness: options.sessionLateMax,
          finalOnly: true, // AG3
          late,
        });
      results.to(sessions);
      results.side(late).map(`missed-${kind}`, missed(kind)).to(lateReadings);
    }

    if (segments) {
      const courses = flow.table(topic("courses", Course), { keyOf: ({ event }) => event });
      const { sayEvery: everyMs, keptFor: keptMs } = segments;
      samples.process("segments", segmentsStep(courses, { measures, everyMs, keptMs })).to(
        topic(named("segment-totals"), SegmentTotal, {
          key: ({ participant, event, segment }) => `${participant}/${event}/${segment}`,
          partitionBy: byParticipant,
        }),
      );
    }

    if (events) {
      const { name: size, size: sizeMs, offset, lateMax: allowedLateness } = events;
      // A participant's part of a window travels as one record; what is late for it travels by itself.
      const late = sideOutput<Sample>("late-for-part");
      const parts = samples.window("parts", tumbling(sizeMs, offset), partTotals(measures), { late });
      const results = parts
        .union(parts.side(late).map("late-part", (sample) => partOf(sample, measures)))
        .filter("of-an-event", ({ totals }) => totals.event !== null)
        .keyBy(({ totals }) => totals.event!, { exchange: { name: "event-parts", codec: Part } })
        .window("event-windows", tumbling(sizeMs, offset), eventTotals(size), { allowedLateness });
      results.to(
        topic(named("event-windows"), EventWindow, {
          key: ({ event, startMs }) => `${event}/${size}/${startMs}`,
          partitionBy: ({ event }) => event,
        }),
      );
    }
  });
}

/** With the time at which its upload was received: by the gateway's clock, or the replay's. */
interface Arrived extends Sample {
  readonly receivedMs: number;
}

/** A filter after which the stream is keyed still. */
function only(keep: (sample: Sample) => boolean): KeyedProcess<Sample, Sample> {
  return {
    emits: Sample,
    process(sample, { emit }) {
      if (keep(sample)) emit(sample);
    },
  };
}

function lateReading(
  {
    participant,
    event,
    device,
    upload,
    tsMs,
  }: Pick<Sample, "participant" | "event" | "device" | "upload" | "tsMs">,
  missed: string,
): LateReading {
  return { participant, event, device, upload, tsMs, missed };
}
