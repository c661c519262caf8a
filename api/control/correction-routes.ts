/** Officials' corrections over HTTP: what one would change, and what became of one. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { type Static, Type } from "typebox";
import type { LiveModel } from "../live/model.ts";
import { raceOf } from "../live/races.ts";
import { RaceParams } from "../live/schemas.ts";
import { ProblemBody } from "../problem.ts";
import { controlGuard } from "../security.ts";
import type { CorrectionDesk } from "./control.ts";
import { type CorrectionWaits, correct } from "./correct.ts";
import { CorrectionBody, correctionOf } from "./correction.ts";
import type { CorrectionBook } from "./correction-book.ts";
import { effectOf } from "./correction-effect.ts";

export interface CorrectionRoutesOptions {
  readonly desk: CorrectionDesk;
  readonly model: () => LiveModel;
  readonly book: () => CorrectionBook;
  readonly waits: CorrectionWaits;
  readonly controlToken: string | undefined;
  /** Unix time, milliseconds. */
  readonly clock: () => number;
}

const Changes = Type.Array(
  Type.Object({
    what: Type.Unsafe<"status" | "time" | "place">({ type: "string", enum: ["status", "time", "place"] }),
    mat: Type.String({ description: "where; empty for the status" }),
    from: Type.String({ description: "as people write it; `none` where there is none" }),
    to: Type.String(),
  }),
);
const Effect = Type.Object({
  id: Type.String(),
  changes: Type.Unsafe<Static<typeof Changes>>({
    ...Changes,
    description: "what it is about, as the board stands; what follows from it is the job's to say",
  }),
  warnings: Type.Array(Type.String(), { description: "what should be looked at twice" }),
});
const Answer = Type.Object({
  id: Type.String(),
  outcome: Type.Unsafe<"applied" | "refused" | "accepted">({
    type: "string",
    enum: ["applied", "refused", "accepted"],
    description:
      "accepted: it is in the log, and what comes of it was not known in time; send it again with its id to ask",
  }),
  refusal: Type.String({ description: "why it was refused; empty otherwise" }),
  changes: Type.Unsafe<Static<typeof Changes>>({ ...Changes, description: "what is seen to have changed" }),
});

const refusals = { 400: ProblemBody, 401: ProblemBody, 403: ProblemBody, 404: ProblemBody };

export const correctionRoutes: FastifyPluginAsyncTypebox<CorrectionRoutesOptions> = async (
  app,
  { desk, model, book, waits, controlToken, clock },
) => {
  const tags = ["control"];
  app.addHook("onRequest", controlGuard(controlToken));
  app.post(
    "/v1/races/:race/corrections",
    {
      schema: {
        tags,
        summary: "Void, add or change a read; disqualify or reinstate a runner",
        description:
          "Answers what became of it: 200 when the job has decided, 202 when it has not in time. Sending the same id again is harmless, and answers the same.",
        params: RaceParams,
        body: CorrectionBody,
        response: { 200: Answer, 202: Answer, ...refusals, 409: ProblemBody, 503: ProblemBody },
      },
    },
    async (request, reply) => {
      const { race } = request.params;
      const raceNow = () => raceOf(model(), race);
      const correction = correctionOf(raceNow().race, request.body, clock());
      const { outcome, refusal, changes } = await correct(
        () => ({ book: book(), race: raceNow() }),
        desk,
        correction,
        waits,
      );
      return reply
        .code(outcome === "accepted" ? 202 : 200)
        .send({ id: correction.id, outcome, refusal, changes: [...changes] });
    },
  );

  app.post(
    "/v1/races/:race/corrections/preview",
    {
      schema: {
        tags,
        summary: "What a correction would change, without sending it",
        params: RaceParams,
        body: CorrectionBody,
        response: { 200: Effect, ...refusals },
      },
    },
    async (request) => {
      const view = raceOf(model(), request.params.race);
      const correction = correctionOf(view.race, request.body, clock());
      const { changes, warnings } = effectOf(view, correction);
      return { id: correction.id, changes: [...changes], warnings: [...warnings] };
    },
  );
};
