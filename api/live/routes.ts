/**
 * The live API over HTTP: races, leaderboards, runners, and their streams.
 *
 * H1  An answer says which version of the race it is of (ETag), so that asking again without news costs nothing.
 * H2  A stream is refused before it begins, with the same words as the plain question: afterwards no status can be sent.
 * H3  What costs more than a look-up waits for its turn, and is written once for all who ask the same (turns.ts, answer-cache.ts).
 */
import { randomBytes } from "node:crypto";
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ProblemBody } from "../problem.ts";
import type { Turns } from "../turns.ts";
import { AnswerCache } from "./answer-cache.ts";
import type { LeaderboardQuery } from "./leaderboard.ts";
import { boardOf, LIVE, leaderboard } from "./leaderboard.ts";
import type { LiveModel } from "./model.ts";
import { openStream, STREAM_NOTE, STREAMING, streamAnswers } from "./open-stream.ts";
import type { By, RaceView } from "./race-view.ts";
import { raceDetail, raceListing, raceOf } from "./races.ts";
import { runnerDetail, summaryOf } from "./runner-detail.ts";
import * as schema from "./schemas.ts";
import type { StreamHub } from "./stream-hub.ts";
import { leaderboardView, runnerView } from "./views.ts";

export interface LiveRoutesOptions {
  /** The model to answer from, now. */
  readonly model: () => LiveModel;
  readonly hub: StreamHub;
  readonly turns: Turns;
}

const problems = { 400: ProblemBody, 404: ProblemBody };
const tags = ["live"];

const EventStream = streamAnswers(problems);

export const liveRoutes: FastifyPluginAsyncTypebox<LiveRoutesOptions> = async (
  app,
  { model, hub, turns },
) => {
  /** A version counts from the start of this process. */
  const life = randomBytes(6).toString("base64url");
  const raceNow = (id: string) => raceOf(model(), id);
  const boards = new AnswerCache();

  app.get(
    "/v1/races",
    { schema: { tags, summary: "All races", response: { 200: schema.RaceList } } },
    async (request, reply) => {
      const views = [...model().races.values()];
      const etag = `W/"${life}-${views.map(({ version }) => version).join("-")}"`;
      if (isFresh(request, reply, etag)) return reply;
      return { races: views.map(raceListing) };
    },
  );

  app.get(
    "/v1/races/:race",
    {
      schema: {
        tags,
        summary: "A race: its mats and groups, and how many are where",
        params: schema.RaceParams,
        response: { 200: schema.RaceDetail, ...problems },
      },
    },
    async (request, reply) => {
      const view = raceNow(request.params.race);
      if (isFresh(request, reply, etagOf(view))) return reply;
      return raceDetail(view);
    },
  );

  app.get(
    "/v1/races/:race/leaderboard",
    {
      schema: {
        tags,
        summary: "Places at a mat, or live",
        description:
          "Among everybody, of one gender or of one division. Ties share the best place. Pages are stable while the field stands still.",
        params: schema.RaceParams,
        querystring: schema.LeaderboardQuerystring,
        response: { 200: schema.LeaderboardAnswer, ...problems },
      },
    },
    async (request, reply) => {
      const view = raceNow(request.params.race);
      const query = asked(request.query);
      boardOf(view, query);
      if (isFresh(request, reply, etagOf(view))) return reply;
      await turns.take(request);
      const key = JSON.stringify([numberOf(view), query]);
      const make = () => reply.serialize(leaderboard(view, query)) as string;
      const { version, body } = boards.get(key, view.version, make); // H3
      turns.sends(request, reply.raw, body.length);
      reply.header("etag", etagOf(view, version)).type("application/json; charset=utf-8");
      // Written by the answer's schema, once for all who ask the same.
      return reply.send(body as never);
    },
  );

  app.get(
    "/v1/races/:race/runners",
    {
      schema: {
        tags,
        summary: "Runners whose bib begins so",
        params: schema.RaceParams,
        querystring: schema.SearchQuerystring,
        response: { 200: schema.RunnerList, ...problems },
      },
    },
    async (request, reply) => {
      const view = raceNow(request.params.race);
      if (isFresh(request, reply, etagOf(view))) return reply;
      await turns.take(request);
      const bibs = view.bibsBeginning(
        (request.query.q ?? "").trim(),
        schema.SearchLimit.of(request.query.limit),
      );
      return { runners: bibs.map((bib) => summaryOf(view.runner(bib)!)) };
    },
  );

  app.get(
    "/v1/races/:race/runners/:bib",
    {
      schema: {
        tags,
        summary: "A runner: every split with places now, and the projected finish",
        params: schema.RunnerParams,
        response: { 200: schema.RunnerAnswer, ...problems },
      },
    },
    async (request, reply) => {
      const view = raceNow(request.params.race);
      const answer = runnerDetail(view, request.params.bib);
      if (isFresh(request, reply, etagOf(view))) return reply;
      return answer;
    },
  );

  app.get(
    "/v1/races/:race/leaderboard/stream",
    {
      ...STREAMING,
      schema: {
        tags,
        summary: "A leaderboard, live",
        description: `${STREAM_NOTE}A change holds \`asOf\`, \`passed\` and, where they differ, \`counts\`, whole \`rows\`, and the \`order\` of bibs.`,
        params: schema.RaceParams,
        querystring: schema.LeaderboardQuerystring,
        headers: schema.StreamHeaders,
        response: EventStream,
      },
    },
    (request, reply) => {
      const { race } = request.params;
      const query = asked(request.query);
      boardOf(raceNow(race), query); // H2
      openStream(
        hub,
        leaderboardView(race, () => raceNow(race), query),
        request,
        reply,
      );
    },
  );

  app.get(
    "/v1/races/:race/runners/:bib/stream",
    {
      ...STREAMING,
      schema: {
        tags,
        summary: "A runner, live",
        description: `${STREAM_NOTE}A change holds \`asOf\` and the fields that differ; of \`splits\` those that differ, whole; \`removed\`: mats.`,
        params: schema.RunnerParams,
        headers: schema.StreamHeaders,
        response: EventStream,
      },
    },
    (request, reply) => {
      const { race, bib } = request.params;
      runnerDetail(raceNow(race), bib); // H2
      openStream(
        hub,
        runnerView(race, () => raceNow(race), bib),
        request,
        reply,
      );
    },
  );

  function etagOf(view: RaceView, version = view.version): string {
    return `W/"${life}-${numberOf(view)}-${version}"`;
  }
};

/** Views of a race are numbered: a model that is built anew counts its versions from the beginning. */
const numbers = new WeakMap<RaceView, number>();
let viewsSeen = 0;
function numberOf(view: RaceView): number {
  const known = numbers.get(view) ?? viewsSeen++;
  numbers.set(view, known);
  return known;
}

function asked(query: {
  at?: string;
  by?: By;
  of?: string;
  limit?: number;
  offset?: number;
}): LeaderboardQuery {
  return {
    at: query.at ?? LIVE,
    by: query.by ?? "overall",
    of: query.of ?? "",
    limit: schema.Limit.of(query.limit),
    offset: schema.Offset.of(query.offset),
  };
}

/** Sets the caching headers (H1); true when the asker has this answer already and 304 is sent. */
function isFresh(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  reply.header("etag", etag).header("cache-control", "no-cache");
  const known = request.headers["if-none-match"];
  if (!known?.split(",").some((tag) => tag.trim() === etag)) return false;
  reply.code(304).send();
  return true;
}
