/** A named dataflow: the default export of a file in `jobs/`. */
import { JobError } from "../errors.ts";
import { Flow } from "./flow.ts";
import type { FlowGraph } from "./graph.ts";

export interface JobDefinition {
  readonly name: string;
  /** Describes the job anew; each worker does so for itself, since functions do not travel between threads. */
  readonly graph: () => FlowGraph;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,60}$/;

/** @param describe must be the same each time it is called: it runs in every worker. */
export function job(name: string, describe: (flow: Flow) => void): JobDefinition {
  if (!NAME.test(name)) {
    throw new JobError(
      `job "${name}": a name is lower-case letters, digits and dashes, such as "marathon-leaderboard"`,
    );
  }
  return {
    name,
    graph: () => {
      const graph: FlowGraph = { sinks: [], tables: new Map(), broadcasts: new Map() };
      describe(new Flow(graph));
      return graph;
    },
  };
}

export function isJobDefinition(value: unknown): value is JobDefinition {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof (value as { graph?: unknown }).graph === "function"
  );
}
