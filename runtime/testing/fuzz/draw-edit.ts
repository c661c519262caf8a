/** The next version of a job, such as its author may submit it with all that it keeps. */
import type { Random } from "../random.ts";
import { OPERATORS, type Operator, type OperatorName, type Traits } from "./operators/index.ts";
import type { JobSpec, SpecStep } from "./spec.ts";

interface Edit {
  readonly do: "edit";
  readonly spec: JobSpec;
  readonly evolved: boolean;
}

export function drawEdit(random: Random, spec: JobSpec): Edit {
  const kind = random.pick(["order", "step", "evolved"]);
  if (kind === "order") return { do: "edit", spec: inAnotherOrder(random, spec), evolved: false };
  if (kind === "step") return { do: "edit", spec: withAStep(random, spec), evolved: false };
  return { do: "edit", spec, evolved: true };
}

/** The same outputs, described in another order. */
function inAnotherOrder(random: Random, spec: JobSpec): JobSpec {
  const sinks = spec.filter(({ op }) => op === "sink");
  return [...spec.filter(({ op }) => op !== "sink"), ...random.shuffled(sinks)];
}

const ADDED: readonly OperatorName[] = ["map", "counting", "sideways", "listing", "dedup"];

/** One more step above, or beside, what was there: keyed where it can be, with an output of its own. */
function withAStep(random: Random, spec: JobSpec): JobSpec {
  const id = Math.max(...spec.map((step) => step.id)) + 1;
  const above = random.pick(spec.filter((step) => step.op !== "sink" && !tellsWatermarksApart(spec, step)));
  const traits = traitsOf(spec, above);
  const op = random.pick(ADDED.filter((name) => name === "map" || traits.keyed));
  const added: SpecStep = { id, op, inputs: [above.id], params: OPERATORS[op].draw(random, traits) };
  const sink: SpecStep = { id: id + 1, op: "sink", inputs: [id], params: OPERATORS.sink.draw(random) };
  const at = spec.indexOf(above) + 1;
  return [...spec.slice(0, at), added, ...spec.slice(at), sink];
}

/** Where one of several watermarks is known by what stands below it, it would be another with something new there. */
function tellsWatermarksApart(spec: JobSpec, step: SpecStep): boolean {
  const watermarks = spec.filter(({ op }) => op.startsWith("watermark"));
  if (watermarks.length < 2) return false;
  if (watermarks.includes(step)) return true;
  const nameless = ["key-by", "key-by-sub", "union", "side", "timestamps"].includes(step.op);
  return (
    nameless && step.inputs.some((input) => tellsWatermarksApart(spec, spec.find(({ id }) => id === input)!))
  );
}

function traitsOf(spec: JobSpec, step: SpecStep): Traits {
  const inputs: Traits[] = step.inputs.map((input) => traitsOf(spec, spec.find(({ id }) => id === input)!));
  const operator: Operator = OPERATORS[step.op];
  return operator.traits(step.params, ...inputs)!;
}
