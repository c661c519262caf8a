/**
 * `npm run --silent bench:engine -- windows|alerts`: our engine in the peers' bench. One node that runs one job until it gets
 * SIGTERM; settings come from the environment (settings.ts).
 */
import { Registry } from "prom-client";
import { startNode } from "../../../runtime/cluster/node.ts";
import { engineSettings } from "./settings.ts";

const WORKS = ["windows", "alerts"];

const work = process.argv[2] ?? "";
if (!WORKS.includes(work)) {
  console.error(`bench:engine: name the work: ${WORKS.join(" or ")}`);
  process.exit(2);
}
const settings = engineSettings();
const stopped = new Promise<void>((resolve) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
});
const node = await startNode({
  kafka: { brokers: settings.brokers },
  registry: new Registry(),
  log: console.error,
  root: import.meta.dirname,
  epochs: { intervalMs: settings.commitMs },
  jobsTopic: `${settings.group}-jobs`,
});
await node.submit({ module: `${work}.ts`, parallelism: settings.parallelism });
await stopped;
await node.stop();
