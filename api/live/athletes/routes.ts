/**
 * An athlete over HTTP: now, windows, segments, and live.
 *
 * AA1  How somebody's heart beats is not for everybody: these routes have the guard of the alerts', and nothing on the way keeps an
 *      answer.
 * AA2  Who may not see them is not told either who there is: the guard comes before any look-up, and is the same for every id.
 */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyRequest } from "fastify";
import { runnerKey } from "../../../jobs/lib/runner-step.ts";
import { Problem, ProblemBody, quoted } from "../../problem.ts";
import { type HealthDataRule, healthDataGuard } from "../../security.ts";
import { openStream, STREAM_NOTE, STREAMING, streamAnswers } from "../open-stream.ts";
import type { RaceView } from "../race-view.ts";
import { runnerDetail } from "../runner-detail.ts";
import { StreamHeaders } from "../schemas.ts";
import type { StreamHub } from "../stream-hub.ts";
import type { AthleteStore } from "./athlete-store.ts";
import { type AthleteNow, athleteView } from "./athlete-view.ts";
import * as schema from "./schemas.ts";
import { statsOf, windowOf } from "./window.ts";

export interface AthleteRoutesOptions extends AthleteNow {
  readonly store: AthleteStore;
  readonly hub: StreamHub;
  readonly controlToken: string | undefined;
  readonly healthData: HealthDataRule | undefined;
}

type TrackedRoutesOptions = Pick<AthleteRoutesOptions, "controlToken" | "healthData"> & {
  readonly store: AthleteStore | undefined;
};

const tags = ["athletes"];
const refusals = { 400: ProblemBody, 401: ProblemBody, 403: ProblemBody };
const answers = { ...refusals, 404: ProblemBody, 503: ProblemBody };
const EVER = { fromMs: schema.From.of(undefined), toMs: schema.To.of(undefined) };
/** Longer ago than this before the last reading is another day's exercise. */
const EXERCISE_MAX_MS = 86_400_000;

/**
 * Who wears a device: for links to an athlete. Any runner's page asks, and who may not know is answered as if nobody did (AA2): a
 * refusal would tell that there is something to be known.
 */
export const trackedRoutes: FastifyPluginAsyncTypebox<TrackedRoutesOptions> = async (
  app,
  { store, controlToken, healthData },
) => {
  const guard = healthDataGuard(controlToken, healthData);
  const mayKnow = (request: FastifyRequest) =>
    guard(request).then(
      () => true,
      () => false,
    );
  app.get(
    "/v1/athletes",
    {
      schema: {
        tags,
        summary: "Of these athletes, those who wear a device",
        description: "None, for who may not see what tells of health.",
        querystring: schema.TrackedQuerystring,
        response: { 200: schema.TrackedAnswer, 400: ProblemBody, 503: ProblemBody },
      },
    },
    async (request, reply) => {
      reply.header("cache-control", "no-store");
      if (!store || !(await mayKnow(request))) return { athletes: [] };
      return { athletes: await store.tracked(request.query.id) };
    },
  );
};

export const athleteRoutes: FastifyPluginAsyncTypebox<AthleteRoutesOptions> = async (app, options) => {
  const { store, hub, controlToken, healthData, races } = options;
  app.addHook("onRequest", healthDataGuard(controlToken, healthData)); // AA1
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("cache-control", "no-store");
  });

  /** @throws Problem UNKNOWN_ATHLETE */
  async function lastWindowOf(athlete: string) {
    const [last] = await store.windows({ athlete, size: "10s", ...EVER, limit: 1 });
    if (!last)
      throw new Problem(
        "UNKNOWN_ATHLETE",
        `no device of the athlete ${quoted(athlete)} has sent anything yet`,
      );
    return last;
  }

  app.get(
    "/v1/athletes/:id",
    {
      schema: {
        tags,
        summary: "An athlete now: the last window, what was covered, the place in the race",
        params: schema.AthleteParams,
        response: { 200: schema.AthleteAnswer, ...answers },
      },
    },
    async ({ params: { id } }): Promise<schema.AthleteAnswer> => {
      const last = await lastWindowOf(id);
      const { event, endMs } = last;
      const view = event === null ? undefined : races().races.get(event);
      const bib = bibOf(id, event);
      const covered = await store.covered(id, event, endMs - EXERCISE_MAX_MS, endMs);
      return {
        athlete: id,
        race: event,
        raceName: view?.race.name ?? null,
        bib,
        asOfMs: endMs,
        window: windowOf(last),
        ...covered,
        courseM: view?.race.distanceM ?? null,
        runner: view && bib !== null && view.runner(bib) ? placeOf(view, bib) : null,
      };
    },
  );

  app.get(
    "/v1/athletes/:id/windows",
    {
      schema: {
        tags,
        summary: "What an athlete's readings come to, by time",
        description:
          "From committed results only. A result is here some seconds after the stream tells it; a late reading may change a window afterwards.",
        params: schema.AthleteParams,
        querystring: schema.WindowsQuerystring,
        response: { 200: schema.WindowsAnswer, ...answers },
      },
    },
    async ({ params: { id }, query }): Promise<schema.WindowsAnswer> => {
      const { size = "10s" } = query;
      const from = schema.From.of(query.from);
      const to = schema.To.of(query.to);
      const limit = schema.WindowLimit.of(query.limit);
      if (from >= to) throw new Problem("BAD_REQUEST", `from must be before to: ${from} is not before ${to}`);
      const found = await store.windows({ athlete: id, size, fromMs: from, toMs: to, limit: limit + 1 });
      if (found.length === 0) await lastWindowOf(id);
      return {
        athlete: id,
        size,
        windows: found.slice(-limit).map(windowOf),
        more: found.length > limit,
      };
    },
  );

  app.get(
    "/v1/athletes/:id/segments",
    {
      schema: {
        tags,
        summary: "What an athlete's readings come to, by segment of the course",
        params: schema.AthleteParams,
        response: { 200: schema.SegmentsAnswer, ...answers },
      },
    },
    async ({ params: { id } }): Promise<schema.SegmentsAnswer> => {
      const { event } = await lastWindowOf(id);
      const found = event === null ? [] : await store.segments(id, event);
      const segments = found.map(({ segment, enteredMs, leftMs, pane, ...stats }) => ({
        segment,
        enteredMs,
        leftMs,
        isOver: pane !== "early",
        ...statsOf(stats),
      }));
      return { athlete: id, segments };
    },
  );

  app.get(
    "/v1/athletes/:id/stream",
    {
      ...STREAMING,
      schema: {
        tags,
        summary: "An athlete, live",
        description: `${STREAM_NOTE}A snapshot holds the \`windows\` of 10 s and of a minute that came since somebody began to watch, and the athlete's \`alerts\`; a change the \`windows\` that are new or differ, whole, and \`alerts\`, all of them, when one differs. Earlier windows: ask for them after each snapshot. An id holds positions of the topic reading-windows, then those of the topic alerts.`,
        params: schema.AthleteParams,
        headers: StreamHeaders,
        response: streamAnswers({ ...refusals, 404: ProblemBody }),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      await lastWindowOf(id);
      openStream(hub, athleteView(id, options), request, reply);
    },
  );
};

/** Of a runner of the race: participants are keyed as its entrants are. */
function bibOf(athlete: string, race: string | null): string | null {
  if (race === null || !athlete.startsWith(`${race}/`)) return null;
  const bib = athlete.slice(race.length + 1);
  return runnerKey({ race, bib }) === athlete ? bib : null;
}

function placeOf(view: RaceView, bib: string): schema.AthleteAnswer["runner"] {
  const { status, splits, projectedS } = runnerDetail(view, bib);
  const last = splits.at(-1);
  return {
    status,
    mat: last?.mat ?? null,
    place: last?.place ?? null,
    passed: last?.passed ?? null,
    netS: last?.netS ?? null,
    projectedS,
    page: `/runner.html?${new URLSearchParams({ race: view.race.id, bib })}`,
  };
}
