/**
 * A race made from a seed, and how it must come out: written as a race folder for the replay, told as an oracle to the
 * verdict.
 *
 * The oracle is made from the same draws as the reads, not by the product's rules: a runner's times are known before the
 * reads are written. Nothing of `jobs/` is imported here.
 *
 * RA1  Reads come at a steady rate: starts are spread over ten hours, a runner needs one to two.
 * RA2  The hard cases of a race are in it: no start read, missed mats, repeats, unknown bibs, runners who stop, runners who
 *      never start, mats whose reads arrive minutes late.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../../runtime/testing/random.ts";

export type FinalStatus = "registered" | "finished" | "dnf";
export type FinalFate = "counted" | "repeated" | "unknown_bib";

export interface ExpectedRead {
  readonly bib: string;
  readonly mat: string;
  readonly timeMs: number;
  readonly receivedMs: number;
  readonly fate: FinalFate;
}

/** Places as `1 + the number strictly faster`; null without a start read, which leaves a runner without a net time. */
export interface ExpectedFinisher {
  readonly bib: string;
  readonly netMs: number | null;
  readonly gunMs: number;
  readonly place: number | null;
  readonly placeGender: number | null;
  readonly placeDivision: number | null;
}

export interface ChaosRace {
  readonly id: string;
  /** How long its reads take by the race's clock. */
  readonly spanMs: number;
  /** By id, as the replay gives them: the read's line in the file. */
  readonly reads: ReadonlyMap<string, ExpectedRead>;
  readonly finishers: ReadonlyMap<string, ExpectedFinisher>;
  readonly statuses: ReadonlyMap<string, FinalStatus>;
  /** The race folder's files by name. */
  readonly files: ReadonlyMap<string, string>;
}

const GUN_MS = 6 * 3_600_000;
const STARTS_MS = 10 * 3_600_000;
const MATS = [
  { id: "start", distanceM: 0 },
  { id: "5k", distanceM: 5_000 },
  { id: "10k", distanceM: 10_000 },
  { id: "15k", distanceM: 15_000 },
  { id: "finish", distanceM: 20_000 },
];
/** What a runner leaves of reads on average, a little under one a mat. */
const READS_A_RUNNER = 4.8;
/** Between the pace of the fastest and the slowest, seconds a kilometre. */
const [PACE_FAST_S, PACE_SLOW_S] = [185, 360];
const LATE_MAX_MS = 6 * 60_000;

interface Draft {
  readonly bib: string;
  readonly mat: string;
  readonly timeMs: number;
  readonly receivedMs: number;
  readonly fate: FinalFate;
}

/** @param readCount about so many reads. */
export function makeRace(seed: number, readCount: number): ChaosRace {
  const random = randomFrom(seed);
  const id = `chaos-${seed}`;
  const runners = Math.max(10, Math.round(readCount / READS_A_RUNNER));
  const drafts: Draft[] = [];
  const startlist = ["bib,gender,division,country"];
  const statuses = new Map<string, FinalStatus>();
  const finishes: (Omit<ExpectedFinisher, "place" | "placeGender" | "placeDivision"> & {
    gender: string;
    division: string;
  })[] = [];
  const add = (bib: string, mat: string, timeMs: number, fate: FinalFate) => {
    const late = random() < 0.02 ? LATE_MAX_MS : 2_000;
    drafts.push({ bib, mat, timeMs, receivedMs: timeMs + Math.round(random() * late), fate });
  };

  for (let number = 1; number <= runners; number++) {
    const bib = String(number);
    const gender = random() < 0.05 ? "X" : random() < 0.5 ? "F" : "M";
    const division = `${20 + 10 * Math.floor(random() * 5)}`;
    startlist.push(`${bib},${gender},${division},NOR`);
    const startMs = GUN_MS + Math.round(random() * STARTS_MS);
    const pace = PACE_FAST_S + random() * (PACE_SLOW_S - PACE_FAST_S);
    const hasStart = random() >= 0.01;
    if (random() < 0.02) {
      statuses.set(bib, "registered");
      continue;
    }
    const stopsAfter = random() < 0.04 ? Math.floor(random() * (MATS.length - 1)) : MATS.length - 1;
    let timeMs = startMs;
    let reads = 0;
    let finish: number | undefined;
    for (const [mat, { id: name, distanceM }] of MATS.entries()) {
      if (mat > stopsAfter) break;
      if (mat > 0) {
        const leg = distanceM - MATS[mat - 1]!.distanceM;
        timeMs += Math.round(leg * pace * (0.95 + random() * 0.1));
      }
      const isFinish = mat === MATS.length - 1;
      const missed = mat === 0 ? !hasStart : !isFinish && random() < 0.02;
      if (missed) continue;
      add(bib, name, timeMs, "counted");
      reads++;
      if (isFinish) finish = timeMs;
      if (mat > 0 && random() < 0.03)
        add(bib, name, timeMs + 1_000 + Math.round(random() * 20_000), "repeated");
    }
    statuses.set(bib, finish !== undefined ? "finished" : reads > 0 ? "dnf" : "registered");
    if (finish !== undefined) {
      const netMs = hasStart ? finish - startMs : null;
      finishes.push({ bib, netMs, gunMs: finish - GUN_MS, gender, division });
    }
    if (random() < 0.005) add(`U${number}`, "10k", timeMs, "unknown_bib");
  }

  const inOrder = drafts
    .map((draft, index) => ({ draft, index }))
    .sort((a, b) => a.draft.receivedMs - b.draft.receivedMs || a.index - b.index)
    .map(({ draft }) => draft);
  const passings = ["bib,mat,timeS,receivedS"];
  const reads = new Map<string, ExpectedRead>();
  for (const { bib, mat, timeMs, receivedMs, fate } of inOrder) {
    passings.push(`${bib},${mat},${timeMs / 1000},${receivedMs / 1000}`);
    reads.set(String(passings.length), { bib, mat, timeMs, receivedMs, fate });
  }
  const raceFile = {
    id,
    name: `Chaos ${seed}`,
    date: "2024-05-05",
    timezone: "UTC",
    gunTimeS: GUN_MS / 1000,
    rankBy: "net",
    mats: MATS,
  };
  return {
    id,
    spanMs: inOrder.at(-1)!.receivedMs - inOrder[0]!.receivedMs,
    reads,
    finishers: placed(finishes),
    statuses,
    files: new Map([
      ["race.json", JSON.stringify(raceFile, undefined, 2)],
      ["startlist.csv", `${startlist.join("\n")}\n`],
      ["passings.csv", `${passings.join("\n")}\n`],
    ]),
  };
}

export function writeRaceFolder(race: ChaosRace, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of race.files) writeFileSync(join(folder, name), text);
}

type Finish = Omit<ExpectedFinisher, "place" | "placeGender" | "placeDivision"> & {
  readonly gender: string;
  readonly division: string;
};

function placed(finishes: readonly Finish[]): Map<string, ExpectedFinisher> {
  const placesBy = (groupOf: (finish: Finish) => string) => {
    const places = new Map<string, number>();
    for (const group of Map.groupBy(finishes, groupOf).values()) {
      const ranked = group.filter(({ netMs }) => netMs !== null).sort((a, b) => a.netMs! - b.netMs!);
      let place = 0;
      for (const [index, { bib, netMs }] of ranked.entries()) {
        if (index === 0 || netMs !== ranked[index - 1]!.netMs) place = index + 1;
        places.set(bib, place);
      }
    }
    return (bib: string) => places.get(bib) ?? null;
  };
  const place = placesBy(() => "");
  const placeGender = placesBy(({ gender }) => gender);
  const placeDivision = placesBy(({ gender, division }) => `${gender} ${division}`);
  return new Map(
    finishes.map(({ bib, netMs, gunMs }) => [
      bib,
      {
        bib,
        netMs,
        gunMs,
        place: place(bib),
        placeGender: placeGender(bib),
        placeDivision: placeDivision(bib),
      },
    ]),
  );
}
