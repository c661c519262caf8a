/** An entry of the table of operators: where it may stand, what can be chosen of it, and how it is written in a job. */
import type { Random } from "../../random.ts";
import type { AnyStream, Scope } from "../scope.ts";
import type { Params } from "../spec.ts";

/** What matters of a stream to what may follow it. */
export interface Traits {
  readonly timed: boolean;
  readonly keyed: boolean;
  /** Whether a `.keyBy` is above on some way: there time is not found any more. */
  readonly behindKey: boolean;
  /** Whether a keyed step or an exchange is above: there it can be keyed anew through an exchange only. */
  readonly settled: boolean;
  /** Side outputs of the step itself. */
  readonly sides: readonly string[];
}

export interface Operator {
  /** How often it is drawn, beside the others that fit. */
  readonly weight: number;
  /** How many streams it takes. */
  readonly takes: 0 | 1 | 2;
  fits(...inputs: readonly Traits[]): boolean;
  draw(random: Random, ...inputs: readonly Traits[]): Params;
  /** Of what it gives; `undefined`: nothing follows it. */
  traits(params: Params, ...inputs: readonly Traits[]): Traits | undefined;
  build(scope: Scope, inputs: readonly AnyStream[], params: Params, name: string): AnyStream | undefined;
}

/** Of an operator that gives what it is given, in kind. */
export const asGiven = (_params: Params, input: Traits): Traits => ({ ...input, sides: [] });

export const any = (): boolean => true;
export const keyed = (input: Traits): boolean => input.keyed;
export const keyedAndTimed = (input: Traits): boolean => input.keyed && input.timed;
