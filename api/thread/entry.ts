/**
 * The API's thread: the API as it is everywhere else, with desks that ask the main thread. It loads all of it when it is made, and
 * serves when it is told where and what.
 */
import { parentPort } from "node:worker_threads";
import { pino } from "pino";
import { Registry } from "prom-client";
import { assert } from "../../runtime/errors.ts";
import { clickHouseAthletes } from "../live/athletes/athlete-store.ts";
import { type Api, type ApiOptions, startApi } from "../server.ts";
import { MainLink } from "./main-link.ts";
import { type Serve, sent, type ToApi } from "./messages.ts";
import { countThread } from "./thread-metrics.ts";

const port = parentPort;
assert(port, "this file is a worker's");
const link = new MainLink(port);
const log = pino({ base: null }, { write: (line: string) => link.say({ kind: "log", line }) });
let api: Promise<Api> | undefined;

port.on("message", (message: ToApi) => {
  switch (message.kind) {
    case "serve":
      api = serve(message.serve);
      api.catch((error: unknown) => {
        link.say({ kind: "failed", error: sent(error) });
        process.exit();
      });
      break;
    case "answer":
      link.answered(message.id, message.value);
      break;
    case "refusal":
      link.refused(message.id, message.error);
      break;
    case "close":
      void end();
      break;
  }
});

async function serve({ can, athletes, ...where }: Serve): Promise<Api> {
  const registry = new Registry();
  countThread(registry);
  const served = await startApi({ ...where, ...desks(can), ...storeOf(athletes), registry, log, ...whole() });
  link.say({ kind: "listening", url: served.url });
  void served.ready.then(() => link.say({ kind: "ready" }));
  return served;
}

function desks(can: Serve["can"]): Pick<ApiOptions, "jobs" | "corrections" | "acknowledgements"> {
  return {
    ...(can.jobs && {
      jobs: {
        list: () => link.ask("list-jobs", undefined),
        submit: (spec) => link.ask("submit-job", spec),
        cancel: (name) => link.ask("cancel-job", name),
      },
    }),
    ...(can.corrections && { corrections: { send: (correction) => link.ask("correct", correction) } }),
    ...(can.acknowledgements && { acknowledgements: { send: (said) => link.ask("acknowledge", said) } }),
  };
}

const storeOf = (athletes: Serve["athletes"]) => athletes && { athletes: clickHouseAthletes(athletes) };

/** What is told of the whole program. */
const whole = (): Pick<ApiOptions, "problems" | "otherMetrics"> => ({
  problems: () => link.ask("problems", undefined),
  otherMetrics: () => link.ask("metrics", undefined),
});

/** Exits this thread, no more: a reader of the log may still wait for a broker that is away. */
async function end(): Promise<void> {
  await (await api?.catch(() => undefined))?.close();
  process.exit();
}
