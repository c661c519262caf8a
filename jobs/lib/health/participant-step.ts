/**
 * The stage by participant: uploads in order and acknowledgements in, transitions of alerts out. Only which record touches which
 * state is here; the rules are one a file, an alert's life is in alert-life.ts.
 *
 * PS1  Of each kind a person has at most one open alert; while one device's readings hold it open, another's do not add to it.
 * PS2  Each device is judged by its own readings, in the order of their time. Readings from before the last one that was judged
 *      go to `lateUploads`: what they would have said cannot be put in any more.
 * PS3  An acknowledgement may be read before the reading that raises its alert: it waits for that.
 */
import {
  type BroadcastReference,
  type Context,
  hours,
  type KeyedProcess,
  mapState,
  sideOutput,
  type TableReference,
  valueState,
} from "../../../runtime/index.ts";
import {
  Alert,
  AlertAcknowledgement,
  type Finish,
  type HealthRules,
  type Race,
  type Reading,
  type Upload,
} from "../../../schemas/index.ts";
import { finishedMs } from "../finishes.ts";
import { acknowledged, type Begin, cleared, escalated, type Facts, OpenAlert, raised } from "./alert-life.ts";
import { DEFAULT_RULES } from "./default-rules.ts";
import { readingsOf } from "./evidence.ts";
import type { Finding, Measure } from "./finding.ts";
import {
  hasCovered,
  heard,
  listen,
  lostAtMs,
  NOWHERE,
  type Place,
  Presence,
  placeAfter,
} from "./lost-signal.ts";
import { TrustedDistance, trusted } from "./trusted-distance.ts";
import { judgeReading, Vitals } from "./vitals.ts";

/** What the stage takes in about a participant. */
export type PersonInput = { readonly upload: Upload; readonly hrLimit: number | null } | AlertAcknowledgement;

/** Readings that came when later ones of their device had been judged. */
export const lateUploads = sideOutput<Upload>("late-uploads");

/** A device that sends nothing for so long is forgotten. */
const FORGET_DEVICE_MS = hours(24);
/** An acknowledgement waits no longer for its alert; and no more of them. */
const KEEP_ACKNOWLEDGEMENT_MS = hours(24);
const ACKNOWLEDGEMENTS_MAX = 100;

const state = {
  vitals: mapState(Vitals, { ttl: { after: FORGET_DEVICE_MS, time: "processing" } }),
  /** By device. */
  distances: mapState(TrustedDistance, { ttl: { after: FORGET_DEVICE_MS, time: "processing" } }),
  presence: valueState(Presence),
  /** By kind. */
  alerts: mapState(OpenAlert),
  /** By the alert's id (PS3). */
  acknowledgements: mapState(AlertAcknowledgement, {
    ttl: { after: KEEP_ACKNOWLEDGEMENT_MS, time: "processing" },
  }),
};

/** Who has come in, by the timing of the event if it is a race. */
export interface Finishers {
  readonly races: TableReference<Race>;
  readonly finishes: TableReference<Finish>;
}

interface StepTables extends Record<string, BroadcastReference<unknown> | TableReference<unknown>> {
  readonly rules: BroadcastReference<HealthRules>;
  readonly races: TableReference<Race>;
  readonly finishes: TableReference<Finish>;
}

type StepContext = Context<Alert, typeof state, StepTables, undefined>;

export function participantStep(
  rules: BroadcastReference<HealthRules>,
  finishers: Finishers,
): KeyedProcess<PersonInput, Alert, typeof state, StepTables> {
  return {
    emits: Alert,
    sides: [lateUploads],
    state,
    tables: { rules, ...finishers },
    timers: ["processing"],
    process(input, context) {
      if ("upload" in input) judgeUpload(input.upload, input.hrLimit, context);
      else acknowledge(input, context);
    },
    onTimer: ({ timeMs }, context) => onTimer(timeMs, context),
  };
}

interface Rules {
  readonly rules: HealthRules;
  readonly version: number;
}

/** Those of the event, else those for all, else those built in; with their version. */
function rulesOf(event: string | null, { tables }: StepContext): Rules {
  for (const scope of event === null ? [""] : [event, ""]) {
    const rules = tables.rules.get(scope);
    if (rules) return { rules, version: tables.rules.versionOf(scope)! };
  }
  return { rules: DEFAULT_RULES, version: 0 };
}

/** When the person came in, if they have: only of the event that they are in. */
function finishOf({ key, tables }: StepContext, event: string | null): number | undefined {
  if (event === null) return undefined;
  const finish = tables.finishes.get(key);
  return finish?.race === event ? finishedMs(finish, tables.races.get(event)) : undefined;
}

function judgeUpload(upload: Upload, hrLimit: number | null, context: StepContext): void {
  const { device, event } = upload;
  const { state } = context;
  const { rules, version } = rulesOf(event, context);
  let vitals = state.vitals.get(device);
  const lastMs = vitals?.lastMs ?? Number.NEGATIVE_INFINITY;
  const late = upload.readings.filter(({ tsMs }) => tsMs <= lastMs);
  const fresh = late.length === 0 ? upload.readings : upload.readings.filter(({ tsMs }) => tsMs > lastMs);
  if (late.length > 0) context.side(lateUploads, { ...upload, readings: late }); // PS2
  const last = fresh.at(-1);
  if (!last) return;
  const offCourse: Measure = { ...rules, hrLimit: hrLimit ?? rules.hrLimit, onCourse: false };
  const onCourse: Measure = { ...offCourse, onCourse: true };
  const presence = state.presence.get();
  const cameInMs = finishOf(context, event) ?? Number.POSITIVE_INFINITY;
  let place: Place = presence?.event === event ? presence : NOWHERE;
  let distance = state.distances.get(device);
  for (const said of fresh) {
    const { reading, distance: next } = trusted(distance, said);
    distance = next;
    place = placeAfter(place, reading);
    const isOver = event === null || reading.tsMs >= cameInMs || hasCovered(place, rules);
    const measure = isOver ? offCourse : onCourse;
    const judged = judgeReading(vitals, reading, measure);
    vitals = judged.vitals;
    live(judged.findings, reading, { upload, place, measure, version }, context);
  }
  state.vitals.put(device, vitals!);
  if (distance) state.distances.put(device, distance);
  hear(upload, last, place, { rules, version }, context);
}

interface At {
  readonly upload: Upload;
  readonly place: Place;
  readonly measure: Measure;
  readonly version: number;
}

/** What the findings as of one reading make of the alerts of its device. */
function live(findings: readonly Finding[], reading: Reading, at: At, context: StepContext): void {
  const { alerts } = context.state;
  const { device } = at.upload;
  const atMs = reading.tsMs;
  for (const open of [...alerts.values()]) {
    const { kind, sinceMs } = open.alert;
    if (kind === "lost_signal" || open.alert.device !== device) continue;
    if (findings.some((finding) => finding.kind === kind && finding.sinceMs === sinceMs)) continue;
    say(cleared(open, atMs, { ...at.place, rules: at.version, reason: "over" }), open, context);
  }
  for (const finding of findings) {
    const { kind, sinceMs, value, limit, reason, evidence } = finding;
    const open = alerts.get(kind);
    if (open && (open.alert.device !== device || open.alert.state !== "raised")) continue; // PS1
    const facts: Facts = {
      ...at.place,
      value,
      limit,
      reason,
      rules: at.version,
      readings: evidence.count,
      evidence: readingsOf(evidence),
    };
    if (!open) raise({ ...at.upload, kind, sinceMs }, atMs, facts, context);
    else say(escalated(open, atMs, at.measure.escalateAfterMs, facts), open, context);
  }
}

function raise(begin: Begin, atMs: number, facts: Facts, context: StepContext): OpenAlert {
  const open = raised(begin, atMs, facts);
  say(open.alert, open, context);
  const { acknowledgements } = context.state;
  const early = acknowledgements.get(open.alert.id);
  if (early) {
    acknowledgements.delete(open.alert.id);
    say(acknowledged(open, early), open, context);
  }
  return open;
}

/** Keeps what is said, and says it. @param alert `undefined`: nothing happened. */
function say(alert: Alert | undefined, { raisedMs }: OpenAlert, { state, emit }: StepContext): void {
  if (!alert) return;
  if (alert.state === "cleared") state.alerts.delete(alert.kind);
  else state.alerts.put(alert.kind, { alert, raisedMs });
  emit(alert);
}

function acknowledge(acknowledgement: AlertAcknowledgement, context: StepContext): void {
  const { alerts, acknowledgements } = context.state;
  const { id } = acknowledgement;
  for (const open of [...alerts.values()])
    if (open.alert.id === id) {
      say(acknowledged(open, acknowledgement), open, context);
      return;
    }
  // PS3. For an alert that is over it waits in vain, and goes by itself.
  if (acknowledgements.size < ACKNOWLEDGEMENTS_MAX && !acknowledgements.has(id))
    acknowledgements.put(id, acknowledgement);
}

// --- the signal ------------------------------------------------------------------------------------------------------

/** A person was heard of: an alert that they were not is over, and the timer counts from now. */
function hear(upload: Upload, last: Reading, place: Place, at: Rules, context: StepContext): void {
  const { state, now, timers } = context;
  let before = state.presence.get();
  const lost = state.alerts.get("lost_signal");
  if (lost && before && last.tsMs > lost.alert.sinceMs) {
    say(cleared(lost, last.tsMs, { ...place, rules: at.version, reason: "heard again" }), lost, context);
    // It would have escalated that alert, which is later than the next one may be due.
    if (before.dueMs !== null) timers.deleteProcessingTime(before.dueMs);
    before = { ...before, dueMs: null };
  }
  const hasFinished = finishOf(context, upload.event) !== undefined;
  const presence = heard(before, upload, last, place, now, at.rules, hasFinished);
  state.presence.put(presence);
  if (presence.dueMs !== null && presence.dueMs !== before?.dueMs) timers.onProcessingTime(presence.dueMs);
}

function onTimer(timeMs: number, context: StepContext): void {
  const presence = context.state.presence.get();
  if (presence?.dueMs !== timeMs) return;
  const dueMs = lookFor(presence, context);
  context.state.presence.put({ ...presence, dueMs });
  if (dueMs !== null) context.timers.onProcessingTime(dueMs);
}

/** @returns when to look again, by the node's clock. */
function lookFor(presence: Presence, context: StepContext): number | null {
  const { key, state, now } = context;
  const { event, device, last, lat, lon, distanceM } = presence;
  const { rules, version } = rulesOf(event, context);
  const listened = listen(presence, now, rules, finishOf(context, event) !== undefined);
  const missed = state.alerts.get("lost_signal");
  if (listened === "nobody-waits") {
    if (missed) say(cleared(missed, last.tsMs, { rules: version, reason: "has finished" }), missed, context);
    return null;
  }
  if (listened !== "lost") return listened.waitUntilMs;
  const facts: Facts = {
    lat,
    lon,
    distanceM,
    value: null,
    limit: null,
    reason: `nothing received for ${rules.lostAfterMs / 1000} s`,
    rules: version,
    readings: 1,
    evidence: [last],
  };
  if (!missed) {
    const begin = { participant: key, event, device, kind: "lost_signal", sinceMs: last.tsMs } as const;
    raise(begin, lostAtMs(presence, rules), facts, context);
    return now + rules.escalateAfterMs;
  }
  const atMs = missed.raisedMs + rules.escalateAfterMs;
  say(escalated(missed, atMs, rules.escalateAfterMs, facts), missed, context);
  return null;
}
