/**
 * Whether a job's next version can go on from what the one before it kept: judged by both plans as data, before anything that runs
 * is touched.
 *
 * U1  What would be lost or read wrongly is found, unless it was said by name that it may be (`Allowed`).
 * U2  State that was given up is not read again, neither by the step that has another shape now nor by one of its name later.
 *
 * What it cannot see: code that means something else by the same state. For that there are other names.
 */
import { codecOf } from "../../schemas/codec.ts";
import type { PlanDescription, StageDescription, StateDescription, StepDescription } from "./describe.ts";

export interface Finding {
  /** What to name to allow it: a step, one of its states (`STEP.STATE`), an exchange or a topic. */
  readonly subject: string;
  readonly message: string;
  /** Whether the author may also say that what is kept still fits. */
  readonly keepable?: boolean;
}

export interface Allowed {
  /** What may be given up, by subject. A step stands for all that it keeps. */
  readonly dropState?: readonly string[];
  /** Steps whose keys are the same, though what computes them is not. */
  readonly keepState?: readonly string[];
}

export interface Upgrade {
  /** What stands against it. None: `next` can run. */
  readonly findings: readonly Finding[];
  /** Names in `allowed` that mean nothing here, and those that could be meant. */
  readonly unknown: readonly string[];
  readonly known: readonly string[];
  /** The next version, to be run with what was given up (U2). */
  readonly next: PlanDescription;
}

interface PlacedStep {
  readonly name: string;
  readonly kind: string;
  readonly stage: string;
  readonly step: StepDescription;
}

export function judgeUpgrade(before: PlanDescription, next: PlanDescription, allowed: Allowed = {}): Upgrade {
  const { dropState = [], keepState = [] } = allowed;
  const steps = stepsOf(before);
  const found = [
    ...stepFindings(steps, stepsOf(next)),
    ...exchangeFindings(before, next),
    ...inputFindings(before, next),
  ];
  const isAllowed = ({ subject, keepable }: Finding) =>
    dropState.some((name) => name === subject || subject.startsWith(`${name}.`)) ||
    (keepable === true && keepState.includes(subject));
  const known = [
    ...[...steps.values()].flatMap(({ name, step }) => [
      name,
      ...step.states.map((state) => `${name}.${state.name}`),
    ]),
    ...found.map(({ subject }) => subject),
  ];
  return {
    findings: found.filter((finding) => !isAllowed(finding)),
    unknown: [...dropState, ...keepState].filter((name) => !known.includes(name)),
    known: [...new Set(known)],
    next: withGenerations(next, dropState),
  };
}

/** What is found, for the person who submitted the job. */
export function upgradeWords({ next, findings, unknown, known }: Upgrade): string {
  const lines = [
    ...findings.map(({ subject, message, keepable }) => {
      const ways = [
        ...(keepable ? [`--keep-state ${subject} if its keys are the same`] : []),
        `--drop-state ${subject} to go on without`,
      ];
      return `${message} (${ways.join(", ")})`;
    }),
    ...unknown.map(
      (name) => `it keeps nothing that is called "${name}"; what it keeps: ${known.join(", ") || "nothing"}`,
    ),
  ];
  return `job "${next.job}" cannot go on from what is kept; nothing was changed:\n${lines.map((line) => `  - ${line}`).join("\n")}`;
}

function stepsOf({ stages }: PlanDescription): Map<string, PlacedStep> {
  const steps = stages.flatMap(({ name: stage, nodes }) =>
    nodes.flatMap(({ kind, name, step }) =>
      step && name !== undefined ? [{ name, kind, stage, step }] : [],
    ),
  );
  return new Map(steps.map((step) => [step.name, step]));
}

const keepsNothing = ({ states, timers }: StepDescription): boolean =>
  states.length === 0 && timers.length === 0;

function stepFindings(
  before: ReadonlyMap<string, PlacedStep>,
  next: ReadonlyMap<string, PlacedStep>,
): Finding[] {
  const added = [...next.values()].filter(({ name }) => !before.has(name));
  return [...before.values()].flatMap((old): Finding[] => {
    const { name: subject } = old;
    if (keepsNothing(old.step)) return [];
    const now = next.get(subject);
    if (!now) {
      const renamed = added.find((one) => one.kind === old.kind && shapeOf(one) === shapeOf(old));
      const hint = renamed ? ` If it is called "${renamed.name}" now, call it "${subject}" as before.` : "";
      return [{ subject, message: `step "${subject}" is gone, and what it kept would be lost.${hint}` }];
    }
    if (now.kind !== old.kind)
      return [
        {
          subject,
          message: `"${subject}" was a ${old.kind} and is a ${now.kind}: what it kept does not fit`,
        },
      ];
    if (now.stage !== old.stage) {
      return [
        {
          subject,
          message: `step "${subject}" has moved to another stage (${old.stage} → ${now.stage}), and what it kept stays behind`,
        },
      ];
    }
    return [...windowFindings(old, now), ...keyFindings(old, now), ...stateFindings(old, now)];
  });
}

const shapeOf = ({ step: { states, window } }: PlacedStep): string => JSON.stringify([states, window]);

function windowFindings({ name: subject, step: old }: PlacedStep, { step: now }: PlacedStep): Finding[] {
  if (!old.window || !now.window) return [];
  const [was, is] = [wordsOf(old.window), wordsOf(now.window)];
  if (was === is) return [];
  return [
    { subject, message: `window "${subject}" was of ${was} and is of ${is}: what it holds does not fit` },
  ];
}

const wordsOf = (window: NonNullable<StepDescription["window"]>): string =>
  Object.entries(window)
    .sort(([a], [b]) => (a === "kind" ? -1 : b === "kind" ? 1 : a < b ? -1 : 1))
    .map(([name, value]) => (name === "kind" ? String(value) : `${name} ${String(value)}`))
    .join(", ");

function keyFindings({ name: subject, step: old }: PlacedStep, { step: now }: PlacedStep): Finding[] {
  if (JSON.stringify(old.keyedBy) === JSON.stringify(now.keyedBy)) return [];
  const [was, is] = [old.keyedBy, now.keyedBy].map((texts) => texts.map(shortened).join(" and "));
  return [
    {
      subject,
      keepable: true,
      message: `the key of step "${subject}" was computed by ${was} and is by ${is}`,
    },
  ];
}

const shortened = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text);

function stateFindings({ name: step, step: old }: PlacedStep, { step: now }: PlacedStep): Finding[] {
  return old.states.flatMap((state): Finding[] => {
    const subject = `${step}.${state.name}`;
    const is = now.states.find(({ name }) => name === state.name);
    const what = `state "${state.name}" of step "${step}"`;
    if (!is) return [{ subject, message: `${what} is gone, and what it held would be lost` }];
    if (is.kind !== state.kind)
      return [
        { subject, message: `${what} was a ${state.kind} and is a ${is.kind}: what it holds does not fit` },
      ];
    const why = whyUnreadable(state, is);
    return why === undefined ? [] : [{ subject, message: `${what} cannot be read any more: ${why}` }];
  });
}

function exchangeFindings(before: PlanDescription, next: PlanDescription): Finding[] {
  const now = exchangesOf(next);
  return [...exchangesOf(before)].flatMap(([subject, old]): Finding[] => {
    const is = now.get(subject);
    if (!is)
      return [
        {
          subject,
          message: `exchange "${subject}" is gone, and what it holds and nobody has read would be lost`,
        },
      ];
    const why = whyUnreadable(old, is);
    return why === undefined
      ? []
      : [{ subject, message: `what exchange "${subject}" holds cannot be read any more: ${why}` }];
  });
}

function exchangesOf({ stages }: PlanDescription): Map<string, { readonly schema: string }> {
  return new Map(
    stages.flatMap(({ nodes }) =>
      nodes.flatMap(({ exchange }) => (exchange ? [[exchange.name, exchange]] : [])),
    ),
  );
}

/** A topic whose place in the input was kept by a stage that does not read it any more would be read from its start again. */
function inputFindings(before: PlanDescription, next: PlanDescription): Finding[] {
  const reads = ({ inputs }: StageDescription, topic: string) =>
    inputs.some((input) => input.topic === topic);
  const sources = new Set(
    before.stages.flatMap(({ inputs }) =>
      inputs.flatMap(({ topic, upstream }) => (upstream === undefined ? [topic] : [])),
    ),
  );
  return [...sources].flatMap((topic): Finding[] => {
    const readers = next.stages.filter((stage) => reads(stage, topic));
    const wereReading = before.stages.filter((stage) => reads(stage, topic)).map(({ name }) => name);
    if (readers.length === 0 || readers.some(({ name }) => wereReading.includes(name))) return [];
    return [
      {
        subject: topic,
        message: `topic "${topic}" is read by another stage (${wereReading.join(", ")} → ${readers.map(({ name }) => name).join(", ")}) and would be read from its start again`,
      },
    ];
  });
}

function whyUnreadable(
  old: Pick<StateDescription, "schema">,
  now: Pick<StateDescription, "schema">,
): string | undefined {
  if (old.schema === now.schema) return undefined;
  try {
    codecOf<unknown>("kept", JSON.parse(now.schema)).reading(old.schema);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** U2 */
function withGenerations(next: PlanDescription, dropped: readonly string[]): PlanDescription {
  const generations: Record<string, number> = { ...next.placement.generations };
  for (const name of dropped) generations[name] = (generations[name] ?? 0) + 1;
  return { ...next, placement: { ...next.placement, generations } };
}
