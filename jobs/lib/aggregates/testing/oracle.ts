/**
 * What windows must come to, the slow way: all readings at hand, sorted, grouped and summed, as SQL would. It shares nothing
 * with the job but its options.
 */
import type { Reading, ReadingStats, Upload } from "../../../../schemas/index.ts";
import type { AggregatesOptions } from "../job.ts";

/** A reading with what has happened since the one before it of its device. */
export interface Row {
  readonly participant: string;
  readonly event: string | null;
  readonly tsMs: number;
  readonly hr: number | null;
  readonly cadence: number | null;
  readonly distanceCm: number | null;
  /** 0: no reading near enough before it. */
  readonly spanMs: number;
  readonly spanCm: number;
  readonly spanSteps: number;
  readonly isActive: boolean;
}

export function rowsOf(uploads: readonly Upload[], { gapMax, measures }: AggregatesOptions): Row[] {
  const once = new Map(uploads.map((upload) => [`${upload.device}/${upload.id}`, upload]));
  const byDevice = Map.groupBy(once.values(), ({ device }) => device);
  return [...byDevice.values()].flatMap((ofDevice) => {
    const readings = ofDevice
      .flatMap(({ participant, event, device, id, readings }) =>
        readings.map((reading) => ({ participant, event, device, id, ...believed(reading) })),
      )
      .sort((a, b) => a.tsMs - b.tsMs);
    return readings.map((reading, i): Row => {
      const before = readings[i - 1];
      const sinceMs = before ? reading.tsMs - before.tsMs : 0;
      const hasSpan = before !== undefined && sinceMs <= gapMax;
      const cm = (metres: number | null) => (metres === null ? null : Math.round(metres * 100));
      const more = (from: number | null, to: number | null) =>
        !hasSpan || from === null || to === null || to < from ? 0 : to - from;
      const span = {
        ms: hasSpan ? sinceMs : 0,
        cm: more(cm(before?.distanceM ?? null), cm(reading.distanceM)),
        steps: more(before?.steps ?? null, reading.steps),
      };
      const { participant, event, device, id, tsMs, hr, cadence, steps } = reading;
      const distanceCm = cm(reading.distanceM);
      const ids = { participant, event, device, upload: id };
      const sample = { ...ids, tsMs, hr, cadence, steps, distanceCm, lat: null, lon: null };
      const isActive = hasSpan && measures.isActive({ ...sample, span, uploadEnd: null });
      return {
        participant,
        event,
        tsMs,
        hr,
        cadence,
        distanceCm,
        spanMs: span.ms,
        spanCm: span.cm,
        spanSteps: span.steps,
        isActive,
      };
    });
  });
}

/** What the simulation says of nobody who could be: beyond this it only says what can be. */
function believed(reading: Reading): Reading {
  const { hr, distanceM, steps, cadence } = reading;
  return {
    ...reading,
    hr: hr === 0 || hr === 255 ? null : hr,
    distanceM: Number.isFinite(distanceM) ? distanceM : null,
    steps: steps === IMPOSSIBLE.steps ? null : steps,
    cadence: cadence === IMPOSSIBLE.cadence ? null : cadence,
  };
}

/** Of these a reading of the simulation has some. */
export const IMPOSSIBLE = { hr: 255, distanceM: Number.NaN, steps: 2 ** 31 - 1, cadence: -1 } as const;

/** The figures of a group; quantiles are those of the lower of two neighbours, without a sketch. */
export function statsOfRows(rows: readonly Row[], { measures }: AggregatesOptions): ReadingStats {
  const hrs = rows
    .flatMap(({ hr }) => (hr !== null && hr >= measures.heart.min && hr <= measures.heart.max ? [hr] : []))
    .sort((a, b) => a - b);
  const cadences = rows.flatMap(({ cadence }) => (cadence === null ? [] : [cadence]));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const mean = (values: readonly number[]) => (values.length === 0 ? null : sum(values) / values.length);
  const at = (quantile: number) => hrs[Math.floor(quantile * (hrs.length - 1))] ?? null;
  const msOf = (active: boolean) =>
    sum(rows.filter(({ isActive }) => isActive === active).map(({ spanMs }) => spanMs));
  return {
    readings: rows.length,
    hrCount: hrs.length,
    hrMin: hrs[0] ?? null,
    hrMax: hrs.at(-1) ?? null,
    hrMean: mean(hrs),
    hrP05: at(0.05),
    hrP25: at(0.25),
    hrP50: at(0.5),
    hrP75: at(0.75),
    hrP95: at(0.95),
    cadenceMean: mean(cadences),
    distanceM: sum(rows.map(({ spanCm }) => spanCm)) / 100,
    steps: sum(rows.map(({ spanSteps }) => spanSteps)),
    activeS: msOf(true) / 1000,
    restS: msOf(false) / 1000,
  };
}

/** The rows of each tumbling window, by `PARTICIPANT/SIZE/STARTMS`. */
export function windowsOf(rows: readonly Row[], { windows }: AggregatesOptions): Map<string, Row[]> {
  return new Map(
    windows.flatMap(({ name, size, offset = 0 }) => [
      ...Map.groupBy(rows, ({ participant, tsMs }) => {
        const startMs = Math.floor((tsMs - offset) / size) * size + offset;
        return `${participant}/${name}/${startMs}`;
      }),
    ]),
  );
}

/**
 * The rows of each day, by `PARTICIPANT/SIZE/STARTMS`. @param said the last result of each day.
 * Where days begin is for who asks
 * to hold against a calendar; here each row is in one, and so none is lost between them.
 */
export function daysOf(
  rows: readonly Row[],
  said: Iterable<{ readonly participant: string; readonly startMs: number; readonly endMs: number }>,
  { days }: AggregatesOptions,
): Map<string, Row[]> {
  const all = [...said];
  return Map.groupBy(rows, ({ participant, tsMs }) => {
    const of = all.filter(
      (day) => day.participant === participant && day.startMs <= tsMs && tsMs < day.endMs,
    );
    if (of.length !== 1) throw new Error(`${participant}'s reading of ${tsMs} is in ${of.length} days`);
    return `${participant}/${days.name}/${of[0]!.startMs}`;
  });
}

/** The rows of each stretch of one kind, by `PARTICIPANT/KIND/STARTMS`. */
export function sessionsOf(rows: readonly Row[], { sessionGap }: AggregatesOptions): Map<string, Row[]> {
  const sessions = new Map<string, Row[]>();
  const kinds = Map.groupBy(
    rows.filter(({ spanMs }) => spanMs > 0),
    ({ participant, isActive }) => `${participant}/${isActive ? "active" : "rest"}`,
  );
  for (const [kind, ofKind] of kinds) {
    let current: Row[] = [];
    for (const row of ofKind.sort((a, b) => a.tsMs - b.tsMs)) {
      const last = current.at(-1);
      if (last === undefined || row.tsMs - last.tsMs > sessionGap) {
        current = [];
        sessions.set(`${kind}/${row.tsMs - row.spanMs}`, current);
      }
      current.push(row);
    }
  }
  return sessions;
}

const QUANTILES = ["hrP05", "hrP25", "hrP50", "hrP75", "hrP95"] as const;

/** What is different: quantiles may be off by what the sketch promises. Empty: nothing. */
export function differences(
  got: ReadonlyMap<string, ReadingStats>,
  expected: ReadonlyMap<string, ReadingStats>,
): string[] {
  const keys = [...new Set([...got.keys(), ...expected.keys()])];
  return keys.flatMap((key) => {
    const [ours, theirs] = [got.get(key), expected.get(key)];
    if (!ours || !theirs) return [`${key}: ${ours ? "not expected" : "missing"}`];
    return (Object.keys(theirs) as (keyof ReadingStats)[]).flatMap((name) => {
      const [a, b] = [ours[name], theirs[name]];
      const isQuantile = (QUANTILES as readonly string[]).includes(name);
      if (isQuantile && a !== null && b !== null && Math.abs(a - b) <= b * 0.010001) return [];
      return a === b ? [] : [`${key}: ${name} is ${a} instead of ${b}`];
    });
  });
}
