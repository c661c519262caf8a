/**
 * Windows of keyed streams:
 *
 *   time-windows     tumbling and sliding, by panes
 *   session-windows  merging
 *   assigned-windows days of a calendar, and by rules of the job's own
 *   ending-windows   what sessions and those have in common
 *   count-windows    by number
 *   held-back        any by time, saying one result
 *   emitter          what a result is marked with
 */
import type { FlowNode } from "../../dsl/graph.ts";
import type { WindowAssigner, WindowOptions } from "../../dsl/window.ts";
import { type AnyAggregate, guardedAggregate } from "../guard.ts";
import { frozenAggregate } from "../hand-over.ts";
import type { OperatorRuntime } from "../operator-runtime.ts";
import type { Push } from "../record-context.ts";
import type { StageStep } from "../stage-step.ts";
import { AssignedWindows } from "./assigned-windows.ts";
import { CountWindows } from "./count-windows.ts";
import type { WindowParts } from "./emitter.ts";
import { HeldBack } from "./held-back.ts";
import { SessionWindows } from "./session-windows.ts";
import { TimeWindows } from "./time-windows.ts";

export type WindowStep = StageStep & { process(value: unknown): void };

export function windowStep(
  node: Extract<FlowNode, { kind: "window" }>,
  push: Push,
  sides: ReadonlyMap<string, Push>,
  runtime: OperatorRuntime,
): WindowStep {
  const { name, assigner, aggregate, options } = node;
  const pushLate = (options.late && sides.get(options.late.name)) ?? (() => {});
  const { handOver } = runtime;
  const handed = (guarded: AnyAggregate) => (handOver ? frozenAggregate(handOver, guarded) : guarded);
  const parts: WindowParts = {
    name,
    at: runtime.record.stepId(name),
    aggregate: handed(guardedAggregate(aggregate)),
    push,
    pushLate,
    runtime,
  };
  const { finalOnly = false, allowedLateness = 0 } = options;
  return finalOnly
    ? new HeldBack(windowsOf(parts, assigner, { ...options, allowedLateness: 0 }), allowedLateness)
    : windowsOf(parts, assigner, options);
}

function windowsOf(
  parts: WindowParts,
  assigner: WindowAssigner,
  options: WindowOptions<unknown>,
): WindowStep {
  switch (assigner.kind) {
    case "time":
      return new TimeWindows(parts, assigner, options);
    case "session":
      return new SessionWindows(parts, assigner, options);
    case "count":
      return new CountWindows(parts, assigner);
    case "assigned":
      return new AssignedWindows(parts, assigner, options);
  }
}
