/**
 * Which stage of a job has which name. The name is part of topic names and transactional ids: a stage that gets another one
 * loses its state and its place in the input. So names are given once and then kept, whatever is edited around them.
 *
 * N1  A stage keeps the name of the stage before that it is: the one with which it shares its keyed steps, or, where neither
 *     has any, its inputs. Neither the order of the description nor which step comes first matters.
 * N2  No two stages have one name, and no new stage takes one that stands for another's state.
 * N3  A plan placed by its own placement is the same plan: so every node and worker that is given it computes the same.
 *
 * A stage that was not there before is named after its first keyed step (or, without one, its first output, or the exchange
 * that it feeds); of several, the first by name.
 */

/** What tells a stage from others, whatever it is called. */
export interface StageMarks {
  /** Names of its keyed steps, those above others first. */
  readonly steps: readonly string[];
  /** Topics that it reads, exchanges too. */
  readonly inputs: readonly string[];
  /** Topics that it writes, exchanges too. */
  readonly outputs: readonly string[];
}

export interface PlacedStage extends StageMarks {
  readonly name: string;
}

/** How the stages of a job were named, and which of its state was let go of. */
export interface Placement {
  readonly stages: readonly PlacedStage[];
  /**
   * How often the state of a step (`STEP`), or one state of it (`STEP.STATE`), was given up: what was kept before is not read
   * again, also when a step of that name comes back. Absent: never.
   */
  readonly generations: Readonly<Record<string, number>>;
}

export const UNPLACED: Placement = { stages: [], generations: {} };

/** The names that a stage could have been given when it was new, the likeliest first. */
export function candidateNames({ steps, outputs }: StageMarks, exchanges: readonly string[]): string[] {
  return [
    ...steps,
    ...outputs.map((topic) => `to-${topic}`),
    ...[...exchanges].sort().map((name) => `before-${name}`),
  ];
}

/**
 * The name of each stage, in the order given.
 * @param candidates what each may be called if it is new (`candidateNames`).
 */
export function placeStages(
  stages: readonly (StageMarks & { readonly candidates: readonly string[] })[],
  before: Placement,
): string[] {
  const names: (string | undefined)[] = stages.map(() => undefined);
  const taken = new Set<string>();
  for (const { old, index } of likeness(stages, before.stages)) {
    if (names[index] !== undefined || taken.has(old)) continue;
    names[index] = old; // N1
    taken.add(old);
  }
  const reserved = new Set([...taken, ...before.stages.map(({ name }) => name)]);
  return stages.map(({ candidates }, index) => {
    const kept = names[index];
    if (kept !== undefined) return kept;
    const fresh = candidates.find((name) => !reserved.has(name)) ?? numbered(candidates[0]!, reserved);
    reserved.add(fresh); // N2
    return fresh;
  });
}

/** Which new stage could be which old one, the surest first. */
function likeness(
  stages: readonly StageMarks[],
  before: readonly PlacedStage[],
): { readonly old: string; readonly index: number }[] {
  return stages
    .flatMap((stage, index) =>
      before.map((old) => ({
        index,
        old: old.name,
        steps: shared(stage.steps, old.steps),
        inputs: shared(stage.inputs, old.inputs),
        outputs: shared(stage.outputs, old.outputs),
        // A stage that was named without knowing better is the one of that name.
        first: stage.steps[0] === old.name ? 1 : 0,
      })),
    )
    .filter(({ steps, inputs }) => steps > 0 || inputs > 0)
    .sort(
      (a, b) =>
        b.steps - a.steps ||
        b.inputs - a.inputs ||
        b.outputs - a.outputs ||
        b.first - a.first ||
        (a.old < b.old ? -1 : a.old > b.old ? 1 : a.index - b.index),
    );
}

const shared = (these: readonly string[], those: readonly string[]): number =>
  these.filter((name) => those.includes(name)).length;

function numbered(name: string, reserved: ReadonlySet<string>): string {
  let count = 2;
  while (reserved.has(`${name}-${count}`)) count++;
  return `${name}-${count}`;
}

/**
 * What a step's state, or all that it keeps, is called in the changelog.
 * @param state without it: the step itself, as its timers are.
 */
export function storedName(generations: Placement["generations"], step: string, state?: string): string {
  const marked = (name: string, generation = 0) => (generation === 0 ? name : `${name}~${generation}`);
  const owner = marked(step, generations[step]);
  return state === undefined ? owner : `${owner}.${marked(state, generations[`${step}.${state}`])}`;
}
