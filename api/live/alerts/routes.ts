/**
 * Health alerts over HTTP, for medics: as they stand, live, one in full, and taking one on.
 *
 * AR1  What is said of people's health is not for everybody: these routes have the guard of health data (S3), reading included, and
 *      nothing on the way keeps an answer.
 */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { ProblemBody } from "../../problem.ts";
import { type HealthDataRule, healthDataGuard } from "../../security.ts";
import type { Turns } from "../../turns.ts";
import type { LiveModel } from "../model.ts";
import { openStream, STREAM_NOTE, STREAMING, streamAnswers } from "../open-stream.ts";
import { StreamHeaders } from "../schemas.ts";
import type { StreamHub } from "../stream-hub.ts";
import { type AcknowledgementDesk, acknowledge, alertOf } from "./acknowledge.ts";
import type { AlertBook } from "./alert-book.ts";
import { alertQueryOf, cursorOf, detailOf, findAlerts, placeOf, summaryOf } from "./alert-query.ts";
import { alertsView } from "./alerts-view.ts";
import * as schema from "./schemas.ts";

export interface AlertRoutesOptions {
  readonly book: () => AlertBook;
  /** Where on the course an alert is. */
  readonly races: () => LiveModel;
  readonly hub: StreamHub;
  readonly turns: Turns;
  readonly desk: AcknowledgementDesk;
  readonly controlToken: string | undefined;
  readonly healthData: HealthDataRule | undefined;
  /** Unix time, milliseconds. */
  readonly clock: () => number;
}

/** How long an acknowledgement's answer waits for what the job makes of it. */
const DECISION_WAIT_MS = 3_000;

const tags = ["alerts"];
const refusals = { 400: ProblemBody, 401: ProblemBody, 403: ProblemBody };

export const alertRoutes: FastifyPluginAsyncTypebox<AlertRoutesOptions> = async (
  app,
  { book, races, hub, turns, desk, controlToken, healthData, clock },
) => {
  app.addHook("onRequest", healthDataGuard(controlToken, healthData)); // AR1
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("cache-control", "no-store");
  });

  app.get(
    "/v1/alerts",
    {
      schema: {
        tags,
        summary: "Health alerts, the most urgent first, of these the newest",
        description:
          "As they stand, from committed results only. A page goes on after the one before it by `cursor`; alerts that come or move meanwhile are where they belong by then.",
        querystring: schema.AlertsQuerystring,
        response: { 200: schema.AlertPage, ...refusals },
      },
    },
    async (request) => {
      const { query } = request;
      const { cursor } = query;
      const limit = schema.Limit.of(query.limit);
      const after = cursor === undefined ? undefined : placeOf(cursor);
      await turns.take(request);
      const { found, more, total } = findAlerts(book(), alertQueryOf(query), limit, after);
      const alerts = found.map((known) => summaryOf(known, races()));
      return { alerts, next: more ? cursorOf(found.at(-1)!) : null, total };
    },
  );

  app.get(
    "/v1/alerts/stream",
    {
      ...STREAMING,
      schema: {
        tags,
        summary: "Health alerts, live",
        description: `${STREAM_NOTE}A snapshot holds \`alerts\`, \`total\` and \`counts\` by urgency and state; a change those of \`alerts\` that are new or differ, whole, the \`order\` of ids, \`total\` and \`counts\`, where they differ.`,
        querystring: schema.AlertsStreamQuerystring,
        headers: StreamHeaders,
        response: streamAnswers(refusals),
      },
    },
    (request, reply) => {
      const limit = schema.Limit.of(request.query.limit);
      openStream(hub, alertsView(book, races, alertQueryOf(request.query), limit), request, reply);
    },
  );

  app.get(
    "/v1/alerts/:id",
    {
      schema: {
        tags,
        summary: "An alert: the readings that prove it, and its life so far",
        params: schema.AlertParams,
        response: { 200: schema.AlertDetail, ...refusals, 404: ProblemBody },
      },
    },
    async ({ params }) => detailOf(alertOf(book(), params.id), races()),
  );

  app.post(
    "/v1/alerts/:id/acknowledge",
    {
      schema: {
        tags,
        summary: "Take an alert on",
        description:
          "Asking again changes nothing: the first who asks takes it on. 200: it is decided. 202: it is in the log, what comes of it shows in the alert.",
        params: schema.AlertParams,
        body: schema.AcknowledgeBody,
        response: {
          200: schema.AcknowledgeAnswer,
          202: schema.AcknowledgeAnswer,
          ...refusals,
          404: ProblemBody,
          409: ProblemBody,
          415: ProblemBody,
        },
      },
    },
    async ({ params: { id }, body: { by, note } }, reply) => {
      const acknowledgement = { id, by, note: note?.trim() || null, atMs: clock() };
      const { outcome, known } = await acknowledge(book, desk, acknowledgement, DECISION_WAIT_MS);
      return reply
        .code(outcome === "accepted" ? 202 : 200)
        .send({ outcome, alert: summaryOf(known, races()) });
    },
  );
};
