/**
 * The HTTP side as one thing: the read model that follows the log, the live API and its streams, the control routes, the
 * pages, and what operators ask. Owns their order of starting and stopping.
 *
 * A1  Listens on loopback unless told otherwise.
 * A2  Closing: no new connections, streams are told `bye` and ended, running requests are answered, then the log is left.
 *     Whoever still holds a connection after `CLOSE_GRACE_MS` is cut off.
 */
import fastifySwagger from "@fastify/swagger";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import type { Registry } from "prom-client";
import type { KafkaConnection } from "../runtime/config.ts";
import { ConfigError } from "../runtime/errors.ts";
import type { Problem as StuckPart } from "../runtime/health.ts";
import type { PartitionReader } from "../runtime/kafka/log.ts";
import { createPartitionReader } from "../runtime/kafka/reader.ts";
import { systemTime } from "../runtime/time.ts";
import type { CorrectionDesk, JobControl } from "./control/control.ts";
import { CORRECTION_WAITS, type CorrectionWaits } from "./control/correct.ts";
import { followedCorrections } from "./control/correction-book.ts";
import { correctionRoutes } from "./control/correction-routes.ts";
import { jobRoutes } from "./control/job-routes.ts";
import { docsRoutes } from "./docs/routes.ts";
import { DOOR_LIMITS, type DoorLimits, Doorway } from "./doorway.ts";
import { healthRoutes } from "./health.ts";
import type { AcknowledgementDesk } from "./live/alerts/acknowledge.ts";
import { type AlertBook, followedAlerts } from "./live/alerts/alert-book.ts";
import { alertRoutes } from "./live/alerts/routes.ts";
import { type AthleteBook, followedAthletes } from "./live/athletes/athlete-book.ts";
import type { AthleteStore } from "./live/athletes/athlete-store.ts";
import { athletesIn } from "./live/athletes/athlete-view.ts";
import { athleteRoutes, trackedRoutes } from "./live/athletes/routes.ts";
import { type Changes, type Followed, type FollowedModel, Follower } from "./live/follower.ts";
import { liveEvents } from "./live/live-metrics.ts";
import { followedRaces, type LiveModel } from "./live/model.ts";
import type { PositionVector } from "./live/position.ts";
import { liveRoutes } from "./live/routes.ts";
import { HUB_LIMITS, type HubLimits, StreamHub } from "./live/stream-hub.ts";
import { readPages, servePages } from "./pages.ts";
import { readParameters } from "./parameters.ts";
import { answerBrokenRequest, answerProblem, answerProblems } from "./problem.ts";
import { type HealthDataRule, setSecurityHeaders } from "./security.ts";
import { Stuck } from "./stuck.ts";
import { TURN_LIMITS, type TurnLimits, Turns } from "./turns.ts";

const CLOSE_GRACE_MS = 2000;
/**
 * Connections that may wait while the thread is busy, as far as the system lets them. All spectators come back at once; who
 * finds no room is not refused but asks again after 1, 2, 4, ... seconds, together with all the others. Node's default is 511.
 */
const BACKLOG = 8_192;
/** A log without news is asked once a second; what comes is told at once all the same. */
const FETCH_WAIT_MAX_MS = 1_000;
const BODY_MAX = 64 * 1024;
/** Ids of alerts are long. */
const PARAM_MAX = 1000;
const PAGES = new URL("./web/public", import.meta.url).pathname;

export interface AppOptions {
  /** A new reader of the log, at each start of following it. */
  readonly openReader: () => PartitionReader;
  readonly registry: Registry;
  readonly log: FastifyBaseLogger;
  readonly jobs?: JobControl;
  readonly corrections?: CorrectionDesk;
  /** Set: the health alerts are shown, and the log must have their topic. */
  readonly acknowledgements?: AcknowledgementDesk;
  /** Set: athletes are shown, and the log must have the topic of their windows. Closed with the app. */
  readonly athletes?: AthleteStore;
  /** Set: control routes need `Authorization: Bearer TOKEN`. */
  readonly controlToken?: string | undefined;
  /** Who is shown what tells of health where a token is set; default: who has it. */
  readonly healthData?: HealthDataRule | undefined;
  /** What is stuck of the rest of the program. */
  readonly problems?: (() => readonly StuckPart[] | Promise<readonly StuckPart[]>) | undefined;
  /** What the rest of the program counts, as Prometheus text. */
  readonly otherMetrics?: (() => Promise<string>) | undefined;
  readonly limits?: Partial<HubLimits> | undefined;
  readonly correctionWaits?: Partial<CorrectionWaits> | undefined;
  readonly doorLimits?: Partial<DoorLimits> | undefined;
  readonly turnLimits?: Partial<TurnLimits> | undefined;
}

export interface ApiApp {
  readonly app: FastifyInstance;
  readonly follower: Follower<LiveModel>;
  readonly alerts: Follower<AlertBook> | undefined;
  readonly athletes: Follower<AthleteBook> | undefined;
  readonly hub: StreamHub;
  readonly doorway: Doorway;
}

/** Everything but the socket: starts to follow the log when the app gets ready, stops with `app.close()`. */
export async function createApp(options: AppOptions): Promise<ApiApp> {
  const { registry, log, jobs, corrections, acknowledgements, controlToken, healthData, openReader } =
    options;
  const { athletes: store, problems: told, otherMetrics } = options;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_MAX,
    routerOptions: { maxParamLength: PARAM_MAX },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => answerProblem(error, reply),
    forceCloseConnections: "idle",
    // Slow senders of headers and bodies are cut off, and so is who takes nothing of an answer; streams see to that themselves.
    requestTimeout: 30_000,
    // Longer than the longest answer takes: a job is loaded and planned for up to a minute.
    connectionTimeout: 70_000,
  });
  const doorway = new Doorway(app.server, { ...DOOR_LIMITS, ...options.doorLimits });
  const { giveWay } = doorway;
  doorway.guard(app);
  const turns = new Turns({ ...TURN_LIMITS, ...options.turnLimits });
  const { follower: followerEvents, models, streams } = liveEvents(registry, log);
  /** Follows topics, and tells those who watch what comes of it. */
  const follow = <M extends FollowedModel & { readonly position: PositionVector }>(
    followed: Followed<M>,
    { others = () => [], tell }: { others?: () => PositionVector; tell?: (changes: Changes) => void } = {},
  ) => {
    const changed = (changes: Changes) => {
      changedIn(hub, changes);
      tell?.(changes);
    };
    const follower = new Follower(followed, openReader, { ...followerEvents, changed }, systemTime, giveWay);
    const limits = { ...HUB_LIMITS, ...options.limits };
    const hub = new StreamHub(() => [...follower.model.position, ...others()], streams, limits, giveWay);
    return { follower, hub };
  };
  const { follower, hub } = follow(followedRaces(models));
  const alerts =
    acknowledgements &&
    follow(followedAlerts(models), {
      tell: (changes) => athletes && changedIn(athletes.hub, athletesIn(changes)),
    });
  // Who watches an athlete sees windows and alerts: both say how far it is.
  const athletes =
    store && follow(followedAthletes(models), { others: () => alerts?.follower.model.position ?? [] });
  const corrected = corrections && follow(followedCorrections(models));
  const followed = [{ follower, hub }, alerts, athletes, corrected].filter((it) => it !== undefined);
  const model = () => follower.model;
  const followers = {
    races: follower,
    ...(alerts && { alerts: alerts.follower }),
    ...(athletes && { athletes: athletes.follower }),
  };
  // Who reads the board needs no outcomes of corrections: they are not waited for.
  const all = { ...followers, ...(corrected && { corrections: corrected.follower }) };
  const stuck = new Stuck({ told, followers: all, registry, clock: Date.now });

  answerProblems(app);
  readParameters(app);
  setSecurityHeaders(app);
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Pacestream",
        description: "Live results of a race, and control of the jobs that make them.",
        version: "1",
      },
      tags: [
        { name: "live", description: "Results as they come" },
        { name: "alerts", description: "Health alerts, for medics" },
        { name: "athletes", description: "What athletes' devices measure" },
        { name: "control", description: "Jobs and officials' corrections" },
        { name: "operation", description: "Health and metrics" },
      ],
    },
  });
  await app.register(async (scope) => {
    await healthRoutes(scope, {
      followers,
      hubs: followed.map(({ hub }) => hub),
      registry,
      stuck,
      otherMetrics,
    });
    await liveRoutes(scope, { model, hub, turns });
    if (jobs) await scope.register(jobRoutes, { jobs, controlToken });
    if (corrections && corrected) {
      await scope.register(correctionRoutes, {
        desk: corrections,
        model,
        book: () => corrected.follower.model,
        waits: { ...CORRECTION_WAITS, ...options.correctionWaits },
        controlToken,
        clock: Date.now,
      });
    }
    if (acknowledgements && alerts) {
      await scope.register(alertRoutes, {
        book: () => alerts.follower.model,
        races: model,
        hub: alerts.hub,
        turns,
        desk: acknowledgements,
        controlToken,
        healthData,
        clock: Date.now,
      });
    }
    await scope.register(trackedRoutes, { store, controlToken, healthData });
    if (store && athletes) {
      await scope.register(athleteRoutes, {
        store,
        windows: () => athletes.follower.model,
        alerts: () => alerts?.follower.model,
        races: model,
        hub: athletes.hub,
        controlToken,
        healthData,
      });
    }
    docsRoutes(scope);
    servePages(scope, readPages(PAGES));
  });
  app.addHook("onReady", async () => {
    for (const { follower } of followed) follower.start();
    stuck.watch((problems) => {
      const status = problems.length === 0 ? undefined : { problems: problems.map(shownToAll) };
      for (const { hub } of followed) hub.tellStatus(status);
    });
  });
  app.addHook("preClose", async () => {
    stuck.close();
    for (const { hub } of followed) hub.close();
  });
  app.addHook("onClose", async () => {
    await Promise.all([...followed.map(({ follower }) => follower.close()), store?.close()]);
  });
  return { app, follower, alerts: alerts?.follower, athletes: athletes?.follower, hub, doorway };
}

/** Of what is stuck, what spectators are told: that it is, and since when. */
const shownToAll = ({ part, code, sinceMs }: StuckPart) => ({ part, code, sinceMs });

function changedIn(hub: StreamHub, changes: Changes): void {
  for (const [scope, subjects] of changes) hub.changed(scope, subjects);
}

export interface ApiOptions extends Omit<AppOptions, "openReader"> {
  readonly kafka: KafkaConnection;
  /** Default 127.0.0.1 (A1). */
  readonly host?: string | undefined;
  /** 0: any free one. */
  readonly port: number;
  /** When `port` is taken, take any free one instead of failing. */
  readonly portFallback?: boolean;
}

export interface Api {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /** Resolves when everything that was in the log at the start has been applied; never rejects. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** @throws ConfigError when the port is taken and `portFallback` is not set */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { kafka, host = "127.0.0.1", port, portFallback = false, log, ...rest } = options;
  const openReader = () =>
    createPartitionReader(kafka, {
      clientId: "pacestream-live",
      fetchWaitMaxMs: FETCH_WAIT_MAX_MS,
      log: (message) => log.warn(`live: ${message}`),
    });
  const { app, follower, alerts, athletes } = await createApp({ ...rest, log, openReader });
  const url = await listen(app, host, port, portFallback);
  return {
    url,
    ready: Promise.all([follower.ready, alerts?.ready, athletes?.ready]).then(() => undefined),
    async close() {
      const cutOff = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS); // A2
      await app.close();
      clearTimeout(cutOff);
    },
  };
}

async function listen(
  app: FastifyInstance,
  host: string,
  port: number,
  portFallback: boolean,
): Promise<string> {
  try {
    return await app.listen({ host, port, backlog: BACKLOG });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    if (portFallback) return app.listen({ host, port: 0, backlog: BACKLOG });
    await app.close();
    throw new ConfigError(
      `port ${port} of ${host} is taken: give another with --port, or 0 for any free one`,
    );
  }
}
