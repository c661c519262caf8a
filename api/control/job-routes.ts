/** Jobs over HTTP: which run, submit one, cancel one. */
import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { listed, Problem, ProblemBody, quoted } from "../problem.ts";
import { controlGuard } from "../security.ts";
import { ONE_LINE } from "../text-patterns.ts";
import type { JobControl } from "./control.ts";

export interface JobRoutesOptions {
  readonly jobs: JobControl;
  readonly controlToken: string | undefined;
}

const Job = Type.Object({
  name: Type.String(),
  module: Type.String(),
  parallelism: Type.Integer(),
  state: Type.String({
    description:
      "running; starting; waiting: its start failed for a reason that may pass, and is tried again; failed: until it is submitted again; cancelled",
  }),
  submittedMs: Type.Number({ description: "Unix time, milliseconds" }),
  code: Type.Optional(
    Type.String({ description: "a fingerprint of the code that runs: the same for the same files" }),
  ),
  reason: Type.String({ description: "what does not go on, and why; empty where nothing needs saying" }),
});

const Subjects = (description: string) =>
  Type.Array(Type.String({ maxLength: 250, pattern: ONE_LINE }), { maxItems: 100, description });

const Spec = Type.Object(
  {
    module: Type.String({
      maxLength: 500,
      pattern: ONE_LINE,
      description: "path of the job's module, such as jobs/marathon-leaderboard.ts",
    }),
    parallelism: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1024, description: "default: as many slots as the job has" }),
    ),
    replace: Type.Optional(
      Type.Boolean({ description: "take the place and the state of a job of that name from another file" }),
    ),
    dropState: Type.Optional(
      Subjects("state that may be given up: a step, STEP.STATE, an exchange or a topic whose place is lost"),
    ),
    keepState: Type.Optional(
      Subjects(
        "steps whose keys are the same though they are computed by other code: their state still fits",
      ),
    ),
  },
  { additionalProperties: false },
);

const refusals = { 400: ProblemBody, 401: ProblemBody, 403: ProblemBody };

export const jobRoutes: FastifyPluginAsyncTypebox<JobRoutesOptions> = async (app, { jobs, controlToken }) => {
  const tags = ["control"];
  app.addHook("onRequest", controlGuard(controlToken));

  app.get(
    "/v1/jobs",
    {
      schema: {
        tags,
        summary: "Jobs and their states",
        response: { 200: Type.Object({ jobs: Type.Array(Job) }), ...refusals },
      },
    },
    async (_request, reply) => {
      reply.header("cache-control", "no-store");
      return { jobs: [...(await jobs.list())] };
    },
  );

  app.post(
    "/v1/jobs",
    {
      schema: {
        tags,
        summary: "Submit a job",
        body: Spec,
        description:
          "Runs the module's code as it is now, on every node. Refused, and nothing that runs touched, when it is no valid job (400) or cannot go on from what the job of its name keeps (409).",
        response: { 201: Job, ...refusals, 409: ProblemBody },
      },
    },
    async (request, reply) => {
      return reply.code(201).send(await jobs.submit(request.body));
    },
  );

  app.delete(
    "/v1/jobs/:name",
    {
      schema: {
        tags,
        summary: "Cancel a job",
        params: Type.Object({ name: Type.String({ maxLength: 200 }) }),
        response: { 204: Type.Null(), ...refusals, 404: ProblemBody },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const names = (await jobs.list()).map((job) => job.name);
      if (!names.includes(name))
        throw new Problem("UNKNOWN_JOB", `there is no job ${quoted(name)}; there are ${listed(names)}`);
      await jobs.cancel(name);
      return reply.code(204).send(null);
    },
  );
};
