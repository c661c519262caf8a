/**
 * State of a keyed step, of the key at hand.
 *
 * - What is put has to fit its codec; otherwise the record that put it is set apart.
 * - With a time to live an entry is seen by those whose time is before its deadline, which is `after` later than the time of what
 *   last wrote it. Reading does not lengthen its life. Time is the record's (or the timer's), or the clock.
 * - A late record may or may not see what the watermark has passed: that is not determined.
 */
import type {
  AggregatingState,
  ListState,
  MapState,
  StateDescriptor,
  TimeToLive,
  ValueState,
} from "../../dsl/state.ts";
import { checkedKey } from "./key-by.ts";
import { frozen, type Rec } from "./record.ts";
import type { Scene } from "./scene.ts";

/** A value, and until when it is seen. */
export interface Entry {
  readonly value: unknown;
  readonly deadlineMs: number;
}

type AnyState =
  | ValueState<unknown>
  | MapState<unknown>
  | ListState<unknown>
  | AggregatingState<unknown, unknown>;

/** The name of the cells of a step's state: as in a changelog. */
export const stateName = (step: string, state: string): string => `${step}.${state}`;

export function stateOf(name: string, descriptor: StateDescriptor, scene: Scene, rec: Rec): AnyState {
  switch (descriptor.kind) {
    case "value":
      return value(name, descriptor, scene, rec);
    case "map":
      return map(name, descriptor, scene, rec);
    case "list":
      return list(name, descriptor, scene, rec);
    case "aggregating":
      return aggregating(name, descriptor, scene, rec);
  }
}

type Of<K extends StateDescriptor["kind"]> = Extract<StateDescriptor, { kind: K }>;

function value(name: string, { codec, ttl }: Of<"value">, scene: Scene, rec: Rec): ValueState<unknown> {
  const life = lifeOf(ttl, scene, rec);
  return {
    get: () => life.seen(scene.memory.get<Entry>(name, rec.key)),
    put(value) {
      codec.encode(value);
      scene.memory.set(name, rec.key, life.entry(value));
    },
    clear: () => scene.memory.set(name, rec.key, undefined),
  };
}

function aggregating(
  name: string,
  { codec, ttl, first, add }: Of<"aggregating">,
  scene: Scene,
  rec: Rec,
): AggregatingState<unknown, unknown> {
  const { get, put, clear } = value(name, { kind: "value", codec, ...(ttl && { ttl }) }, scene, rec);
  return {
    get,
    add(value) {
      const before = get();
      put(before === undefined ? first(value) : add(before, value));
    },
    clear,
  };
}

function list(name: string, { codec }: Of<"list">, { memory }: Scene, rec: Rec): ListState<unknown> {
  const get = (): readonly unknown[] => memory.get<readonly unknown[]>(name, rec.key) ?? [];
  const put = (values: readonly unknown[]) => {
    for (const value of values) codec.encode(value);
    memory.set(name, rec.key, values.length === 0 ? undefined : frozen([...values]));
  };
  return { get, put, add: (value) => put([...get(), value]), clear: () => put([]) };
}

function map(name: string, { codec, ttl }: Of<"map">, scene: Scene, rec: Rec): MapState<unknown> {
  const life = lifeOf(ttl, scene, rec);
  const all = (): ReadonlyMap<string, Entry> =>
    scene.memory.get<ReadonlyMap<string, Entry>>(name, rec.key) ?? new Map();
  const change = (entry: string, to: Entry | undefined) => {
    const changed = new Map(all());
    if (to) changed.set(entry, to);
    else changed.delete(entry);
    scene.memory.set(name, rec.key, changed.size === 0 ? undefined : changed);
  };
  const entries = (): [string, unknown][] =>
    [...all()].flatMap(([entry, kept]): [string, unknown][] => {
      const value = life.seen(kept);
      return value === undefined ? [] : [[entry, value]];
    });
  return {
    get: (entry) => life.seen(all().get(entry)),
    has: (entry) => life.seen(all().get(entry)) !== undefined,
    put(entry, value) {
      codec.encode(value);
      change(checkedKey(entry), life.entry(value));
    },
    delete: (entry) => change(entry, undefined),
    entries: () => entries().values(),
    values: () =>
      entries()
        .map(([, value]) => value)
        .values(),
    get size() {
      return entries().length;
    },
    clear: () => scene.memory.set(name, rec.key, undefined),
  };
}

interface Life {
  entry(value: unknown): Entry;
  seen(entry: Entry | undefined): unknown;
}

function lifeOf(ttl: TimeToLive | undefined, scene: Scene, rec: Rec): Life {
  if (!ttl) {
    return {
      entry: (value) => ({ value: frozen(value), deadlineMs: Number.POSITIVE_INFINITY }),
      seen: (entry) => entry?.value,
    };
  }
  const now = ttl.time === "processing" ? scene.nowMs : (rec.timestamp ?? scene.watermark);
  return {
    entry: (value) => ({ value: frozen(value), deadlineMs: now + ttl.after }),
    seen(entry) {
      if (!entry || entry.deadlineMs <= now) return undefined;
      if (ttl.time === "event" && entry.deadlineMs <= scene.letGoUpTo)
        scene.undetermined("a late record asked for state that event time had passed");
      return entry.value;
    },
  };
}
