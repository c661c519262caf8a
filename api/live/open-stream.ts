/** A route's answer that is a stream of events: how it is described, and how it begins. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { type TSchema, Type } from "typebox";
import { ProblemBody } from "../problem.ts";
import type { LiveView } from "./live-view.ts";
import type { StreamHub } from "./stream-hub.ts";

export const STREAM_NOTE =
  "Server-sent events. `snapshot`: the whole state. `change`: what differs since. `reset`: what this reader had is too old, " +
  "a snapshot follows. `bye`: the server is closing, connect again. `status`: what is stuck inside, if anything is. An event's id is the committed position it stands for; " +
  "with `Last-Event-ID` a reader gets what it missed. A comment every 15 s shows that the connection lives. A reader that " +
  "does not keep up misses changes and gets a fresh snapshot. ";

/** HEAD would wait for the end of a stream that has none. */
export const STREAMING = { exposeHeadRoute: false, config: { stream: true } };

export const streamAnswers = <T extends Record<number, TSchema>>(refusals: T) => ({
  200: {
    description: "Events; see the description",
    content: { "text/event-stream": { schema: Type.String() } },
  },
  ...refusals,
  503: ProblemBody,
});

/** @throws Problem TOO_MANY_READERS, before the answer begins: afterwards no status can be sent. */
export function openStream<S>(
  hub: StreamHub,
  view: LiveView<S>,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  hub.admit(view.key, request.raw);
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) reply.raw.setHeader(name, value);
  const lastEventId = request.headers["last-event-id"];
  hub.open(view, request.raw, reply.raw, typeof lastEventId === "string" ? lastEventId : undefined);
}
