/**
 * Every schema by name, with its type. The `.avsc` file is the contract and documents each field; the type says the same
 * to TypeScript.
 */
import { codec, codecOf } from "./codec.ts";

export { type Codec, codec, codecOf } from "./codec.ts";

export type MatRead = "first" | "last" | "best";

export interface Mat {
  id: string;
  distanceM: number;
  counts?: MatRead | null;
}

export interface Race {
  id: string;
  name: string;
  date: string;
  timezone: string;
  gunMs: number;
  rankBy: "net" | "gun";
  distanceM: number;
  mats: Mat[];
  overdueAfterMs: number;
  dnfAfterMs: number;
  startOpensMs?: number;
  startClosesMs?: number;
}

export interface Entrant {
  race: string;
  bib: string;
  gender: string;
  division: string;
  country: string;
}

export interface Read {
  id: string;
  bib: string;
  mat: string;
  timeMs: number;
}

export interface TimingMessage {
  race: string;
  receivedMs: number;
  read: Read | null;
}

export type CorrectionKind = "void" | "add" | "change" | "disqualify" | "reinstate";

export interface Correction {
  race: string;
  bib: string;
  id: string;
  kind: CorrectionKind;
  read: string | null;
  mat: string | null;
  timeMs: number | null;
  reason: string;
  enteredMs: number;
}

export type Fate = "counted" | "repeated" | "questionable" | "unknown_bib" | "voided";

export interface PassingOutcome {
  race: string;
  id: string;
  bib: string;
  mat: string;
  timeS: number;
  receivedS: number;
  fate: Fate;
  reason: string;
  netS: number | null;
  gunS: number | null;
}

export interface CorrectionOutcome {
  race: string;
  id: string;
  bib: string;
  kind: CorrectionKind;
  read: string;
  mat: string;
  timeS: number | null;
  reason: string;
  enteredMs: number;
  applied: boolean;
  refusal: string;
}

export type RunnerStatus = "registered" | "running" | "overdue" | "finished" | "dnf" | "dsq";

export interface SplitTime {
  mat: number;
  netMs: number | null;
  gunMs: number;
}

export interface RunnerUpdate {
  race: string;
  bib: string;
  gender: string;
  division: string;
  country: string;
  status: RunnerStatus;
  asOfMs: number;
  splits: SplitTime[];
  removed: number[];
  projectedMs: number | null;
  expectedMs: number | null;
}

export interface Standing {
  race: string;
  mat: string;
  bib: string;
  gender: string;
  division: string;
  country: string;
  status: RunnerStatus;
  counted: boolean;
  asOfS: number;
  netS: number | null;
  gunS: number | null;
  rankS: number | null;
  paceSPerKm: number | null;
  legPaceSPerKm: number | null;
  place: number | null;
  passed: number;
  placeGender: number | null;
  passedGender: number;
  placeDivision: number | null;
  passedDivision: number;
  gapLeaderS: number | null;
  gapAheadS: number | null;
  projectedS: number | null;
  projectedPlace: number | null;
}

export interface Reading {
  tsMs: number;
  hr: number | null;
  lat: number | null;
  lon: number | null;
  distanceM: number | null;
  steps: number | null;
  cadence: number | null;
  altitudeM: number | null;
}

export interface Upload {
  participant: string;
  event: string | null;
  device: string;
  id: number;
  sentMs: number;
  receivedMs: number;
  readings: Reading[];
}

export type ResultPane = "early" | "on_time" | "late";

/** What readings come to, whatever they are put together by. */
export interface ReadingStats {
  readings: number;
  hrCount: number;
  hrMin: number | null;
  hrMax: number | null;
  hrMean: number | null;
  hrP05: number | null;
  hrP25: number | null;
  hrP50: number | null;
  hrP75: number | null;
  hrP95: number | null;
  cadenceMean: number | null;
  distanceM: number;
  steps: number;
  activeS: number;
  restS: number;
}

export interface ReadingWindow extends ReadingStats {
  participant: string;
  event: string | null;
  size: string;
  startMs: number;
  endMs: number;
  pane: ResultPane;
  revision: number;
}

export type SessionKind = "active" | "rest";

export interface ActivitySession extends ReadingStats {
  participant: string;
  event: string | null;
  kind: SessionKind;
  startMs: number;
  endMs: number;
}

export interface SegmentTotal extends ReadingStats {
  participant: string;
  event: string;
  segment: string;
  enteredMs: number;
  leftMs: number;
  pane: ResultPane;
}

export interface EventWindow extends ReadingStats {
  event: string;
  size: string;
  startMs: number;
  endMs: number;
  pane: ResultPane;
  revision: number;
  participants: number;
}

export interface Segment {
  id: string;
  startM: number;
  endM: number;
}

export interface Course {
  event: string;
  segments: Segment[];
}

export interface LateReading {
  participant: string;
  event: string | null;
  device: string;
  upload: number;
  tsMs: number;
  missed: string;
}

export type AlertKind =
  | "high_heart_rate"
  | "sudden_drop"
  | "stuck_sensor"
  | "spiking_sensor"
  | "cadence_lock"
  | "lost_signal"
  | "no_motion";

export type AlertState = "raised" | "escalated" | "acknowledged" | "cleared";

export interface EvidenceReading {
  tsMs: number;
  hr: number | null;
  cadence: number | null;
  distanceM: number | null;
  lat: number | null;
  lon: number | null;
}

export interface Alert {
  id: string;
  participant: string;
  event: string | null;
  device: string;
  kind: AlertKind;
  state: AlertState;
  sinceMs: number;
  atMs: number;
  value: number | null;
  limit: number | null;
  reason: string;
  rules: number;
  lat: number | null;
  lon: number | null;
  distanceM: number | null;
  acknowledgedBy: string | null;
  acknowledgedMs: number | null;
  acknowledgedNote: string | null;
  readings: number;
  evidence: EvidenceReading[];
}

export interface AlertAcknowledgement {
  id: string;
  participant: string;
  by: string;
  atMs: number;
  note: string | null;
}

export interface Profile {
  participant: string;
  fromMs: number;
  hrLimit: number | null;
}

export interface HealthRules {
  event: string;
  fromMs: number;
  hrLimit: number;
  hrHysteresis: number;
  hrSustainedMs: number;
  hrCalmMs: number;
  dropBpm: number;
  dropWithinMs: number;
  dropHoldMs: number;
  dropForgetMs: number;
  stuckMs: number;
  spikeBpm: number;
  spikes: number;
  spikesWithinMs: number;
  lockBpm: number;
  lockMs: number;
  stillM: number;
  stillMs: number;
  lostAfterMs: number;
  escalateAfterMs: number;
  courseM: number | null;
}

export interface DeadLetter {
  job: string;
  stage: string;
  step: string;
  topic: string;
  partition: number;
  offset: number;
  timestampMs: number;
  reason: string;
  key: Buffer | null;
  value: Buffer | null;
}

export interface Finish {
  race: string;
  bib: string;
  gunMs: number | null;
}

export const Race = codec<Race>("race");
export const Entrant = codec<Entrant>("entrant");
export const TimingMessage = codec<TimingMessage>("timing-message");
export const Correction = codec<Correction>("correction");
export const PassingOutcome = codec<PassingOutcome>("passing-outcome");
export const CorrectionOutcome = codec<CorrectionOutcome>("correction-outcome");
export const RunnerUpdate = codec<RunnerUpdate>("runner-update");
export const Standing = codec<Standing>("standing");
export const Finish = codec<Finish>("finish");
export const Upload = codec<Upload>("upload");
export const ReadingWindow = codec<ReadingWindow>("reading-window");
export const ActivitySession = codec<ActivitySession>("activity-session");
export const SegmentTotal = codec<SegmentTotal>("segment-total");
export const EventWindow = codec<EventWindow>("event-window");
export const Course = codec<Course>("course");
export const LateReading = codec<LateReading>("late-reading");
export const Alert = codec<Alert>("alert");
/** As it stands in an alert. */
export const EvidenceReading = codecOf<EvidenceReading>(
  "evidence-reading",
  (JSON.parse(Alert.schema) as { fields: { type: { items?: unknown } }[] }).fields.at(-1)!.type.items,
);
export const AlertAcknowledgement = codec<AlertAcknowledgement>("alert-acknowledgement");
export const Profile = codec<Profile>("profile");
export const HealthRules = codec<HealthRules>("health-rules");
export const DeadLetter = codec<DeadLetter>("dead-letter");
