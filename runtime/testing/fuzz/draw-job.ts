/** A random job: operators put below one another where they fit. */
import type { Random } from "../random.ts";
import { OPERATORS, type Operator, type OperatorName, type Traits } from "./operators/index.ts";
import type { JobSpec, SpecStep } from "./spec.ts";

interface Open {
  readonly id: number;
  readonly traits: Traits;
}

const STEPS_MAX = 12;
/** How likely the newest stream is the one that is gone on with: makes jobs deep. */
const DEEP = 0.6;

export function drawJob(random: Random): JobSpec {
  const steps: SpecStep[] = [];
  const open: Open[] = [];
  const add = (op: OperatorName, inputs: readonly Open[]): void => {
    const operator: Operator = OPERATORS[op];
    const given = inputs.map(({ traits }) => traits);
    const params = operator.draw(random, ...given);
    const step: SpecStep = { id: steps.length, op, inputs: inputs.map(({ id }) => id), params };
    steps.push(step);
    const traits = operator.traits(params, ...given);
    if (traits) open.push({ id: step.id, traits });
  };
  add("source", []);
  if (random.chance(0.3)) add("source", []);
  for (let left = random.between(3, STEPS_MAX); left > 0; left--) {
    const input = random.chance(DEEP) ? open.at(-1)! : random.pick(open);
    const other = random.pick(open);
    const op = drawOperator(random, input.traits, other === input ? undefined : other.traits);
    if (op) add(op, OPERATORS[op].takes === 2 ? [input, other] : [input]);
  }
  const followed = new Set(steps.flatMap(({ inputs }) => inputs));
  for (const { id, traits } of [...open])
    if (!followed.has(id) || random.chance(0.1)) add("sink", [{ id, traits }]);
  return steps;
}

/** @param other a second stream, if there is one */
function drawOperator(random: Random, input: Traits, other: Traits | undefined): OperatorName | undefined {
  const fitting = (Object.entries(OPERATORS) as [OperatorName, Operator][]).filter(
    ([, { weight, takes, fits }]) =>
      weight > 0 && (takes === 1 ? fits(input) : other !== undefined && fits(input, other)),
  );
  const total = fitting.reduce((sum, [, { weight }]) => sum + weight, 0);
  let at = random.fraction() * total;
  for (const [name, { weight }] of fitting) {
    at -= weight;
    if (at < 0) return name;
  }
  return undefined;
}
