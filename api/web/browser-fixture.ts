/**
 * What the browser tests stand on: a race produced into the real Kafka, record by record, as the job would; the real API
 * beside it, which can be stopped and started on the same port; and a real browser.
 */
import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { Registry } from "prom-client";
import type { KafkaConnection } from "../../runtime/config.ts";
import { ensureTopics } from "../../runtime/kafka/admin.ts";
import { partitionOf } from "../../runtime/kafka/partitioner.ts";
import { createProducer, type IdempotentProducer } from "../../runtime/kafka/producer.ts";
import { Entrant, Race, type RunnerStatus, Standing } from "../../schemas/index.ts";
import { type Api, type ApiOptions, startApi } from "../server.ts";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function launchBrowser(executablePath: string, flags: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
}

export interface Visit {
  readonly page: Page;
  /** What the page logged as an error or threw, and answers that failed. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** A person's fresh browser, who asked for no motion unless told otherwise: what is asserted then stands still. */
export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    reducedMotion: "reduce",
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return { page, complaints, close: () => context.close() };
}

export interface ApiHandle {
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** The API on a port of its own, which a restart keeps. */
export async function serveApi(
  kafka: KafkaConnection,
  options: Pick<ApiOptions, "acknowledgements" | "athletes" | "controlToken"> = {},
): Promise<ApiHandle> {
  const log = pino({ level: "silent" });
  let api: Api | undefined;
  let port = 0;
  async function start(): Promise<void> {
    api = await startApi({ ...options, kafka, port, registry: new Registry(), log });
    port = Number(new URL(api.url).port);
    await api.ready;
  }
  async function stop(): Promise<void> {
    await api?.close();
    api = undefined;
  }
  await start();
  return { url: api!.url, start, stop };
}

const GUN_MS = 36_000_000;
const MATS = [
  { id: "start", distanceM: 0 },
  { id: "10k", distanceM: 10_000 },
  { id: "half", distanceM: 21_097.5 },
  { id: "30k", distanceM: 30_000 },
  { id: "finish", distanceM: 42_195 },
];
const PARTITIONS = { races: 1, entrants: 4, standings: 4 };

export interface Runner {
  readonly bib: string;
  readonly gender: string;
  readonly division: string;
  readonly country: string;
}

/** A small marathon under an id of its own, so that tests do not see each other's. */
export class TestRace {
  readonly id = `web-${randomBytes(4).toString("hex")}`;
  readonly name: string;
  readonly #producer: IdempotentProducer;
  readonly #runners = new Map<string, Runner>();
  readonly #last = new Map<string, { distanceM: number; netS: number }>();

  private constructor(producer: IdempotentProducer, name: string) {
    this.#producer = producer;
    this.name = name;
  }

  static async announce(kafka: KafkaConnection, name: string, runners: readonly Runner[]): Promise<TestRace> {
    await ensureTopics(
      kafka,
      Object.entries(PARTITIONS).map(([topic, partitions]) => ({
        topic,
        partitions,
        config: { "cleanup.policy": "compact" },
      })),
    );
    const race = new TestRace(await createProducer(kafka, { clientId: "browser-test" }), name);
    await race.#announce(runners);
    return race;
  }

  async #announce(runners: readonly Runner[]): Promise<void> {
    const { id, name } = this;
    await this.#send(
      "races",
      id,
      Race.encode({
        id,
        name,
        date: "2024-04-14",
        timezone: "Europe/Vienna",
        gunMs: GUN_MS,
        rankBy: "net",
        distanceM: 42_195,
        mats: MATS,
        overdueAfterMs: 1_800_000,
        dnfAfterMs: 7_200_000,
      }),
    );
    for (const runner of runners) {
      this.#runners.set(runner.bib, runner);
      await this.#send("entrants", `${id}/${runner.bib}`, Entrant.encode({ race: id, ...runner }));
    }
    await this.#producer.flush();
  }

  /** These runners pass a mat, `netS` seconds after their own start, which was with the gun. */
  async pass(mat: string, times: Readonly<Record<string, number>>): Promise<void> {
    const { distanceM } = MATS.find(({ id }) => id === mat)!;
    for (const [bib, netS] of Object.entries(times)) {
      const last = this.#last.get(bib);
      // Of a mat that is passed again, with another time, there is no leg.
      const before = last && last.distanceM < distanceM ? last : undefined;
      const km = distanceM / 1000;
      const projectedS = distanceM > 0 && mat !== "finish" ? (netS / km) * 42.195 : null;
      await this.#standing(bib, mat, mat === "finish" ? "finished" : "running", GUN_MS / 1000 + netS, {
        counted: true,
        netS,
        gunS: netS,
        rankS: netS,
        paceSPerKm: km > 0 ? netS / km : null,
        legPaceSPerKm: before ? (netS - before.netS) / (km - before.distanceM / 1000) : null,
        projectedS,
        projectedPlace: projectedS === null ? null : 1,
      });
      this.#last.set(bib, { distanceM, netS });
    }
    await this.#producer.flush();
  }

  /** What the officials or the clock decided about a runner. */
  async status(bib: string, status: RunnerStatus, atS: number): Promise<void> {
    await this.#standing(bib, "", status, GUN_MS / 1000 + atS, { counted: false });
    await this.#producer.flush();
  }

  async close(): Promise<void> {
    await this.#producer.close();
  }

  async #standing(
    bib: string,
    mat: string,
    status: RunnerStatus,
    asOfS: number,
    known: Partial<Standing>,
  ): Promise<void> {
    const value: Standing = {
      race: this.id,
      mat,
      ...this.#runners.get(bib)!,
      status,
      counted: false,
      asOfS,
      netS: null,
      gunS: null,
      rankS: null,
      paceSPerKm: null,
      legPaceSPerKm: null,
      // The API ranks by itself: places as of the moment are for others.
      place: null,
      passed: 0,
      placeGender: null,
      passedGender: 0,
      placeDivision: null,
      passedDivision: 0,
      gapLeaderS: null,
      gapAheadS: null,
      projectedS: null,
      projectedPlace: null,
      ...known,
    };
    await this.#send("standings", `${this.id}/${bib}/${mat}`, Standing.encode(value));
  }

  async #send(topic: keyof typeof PARTITIONS, key: string, value: Buffer): Promise<void> {
    // All standings of a race lie in one partition, in the order they came to be.
    const spreadBy = topic === "standings" ? this.id : key;
    await this.#producer.send(topic, partitionOf(spreadBy, PARTITIONS[topic]), key, value, 0);
  }
}

/** A field of `size` runners, bibs 1 to `size`; every third a woman, the last nonbinary. */
export function field(size: number): Runner[] {
  const countries = ["KEN", "ETH", "AUT", "USA", "JPN", "GER"];
  return Array.from({ length: size }, (_, i) => ({
    bib: String(i + 1),
    gender: i === size - 1 ? "X" : i % 3 === 1 ? "F" : "M",
    division: i % 2 === 0 ? "30-34" : "40-44",
    country: countries[i % countries.length]!,
  }));
}
