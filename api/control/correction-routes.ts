/** Officials' corrections over HTTP: checked, then into the log. What comes of one shows on the board, and in its outcome. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { LiveModel } from "../live/model.ts";
import { raceOf } from "../live/races.ts";
import { RaceParams } from "../live/schemas.ts";
import { ProblemBody } from "../problem.ts";
import { controlGuard } from "../security.ts";
import type { CorrectionDesk } from "./control.ts";
import { CorrectionBody, correctionOf } from "./correction.ts";

export interface CorrectionRoutesOptions {
  readonly desk: CorrectionDesk;
  readonly model: () => LiveModel;
  readonly controlToken: string | undefined;
  /** Unix time, milliseconds. */
  readonly clock: () => number;
}

export const correctionRoutes: FastifyPluginAsyncTypebox<CorrectionRoutesOptions> = async (
  app,
  { desk, model, controlToken, clock },
) => {
  app.addHook("onRequest", controlGuard(controlToken));
  app.post(
    "/v1/races/:race/corrections",
    {
      schema: {
        tags: ["control"],
        summary: "Void, add or change a read; disqualify or reinstate a runner",
        description: "Accepted means: in the log. Sending the same id again is harmless.",
        params: RaceParams,
        body: CorrectionBody,
        response: {
          202: Type.Object({ id: Type.String() }),
          400: ProblemBody,
          401: ProblemBody,
          403: ProblemBody,
          404: ProblemBody,
        },
      },
    },
    async (request, reply) => {
      const correction = correctionOf(raceOf(model(), request.params.race).race, request.body, clock());
      await desk.send(correction);
      return reply.code(202).send({ id: correction.id });
    },
  );
};
