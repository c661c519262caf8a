/**
 * What every kind of state keeps to, one suite for all of them. Each kind is a place for texts of a key: `write` adds to it or
 * replaces it, as the kind has it.
 *
 * C1  What a record that throws did is undone. C2  What is restored from the changelog, compacted or not, is what was flushed.
 * C3  A value that the codec cannot hold, or that is too large, is refused when it is written, and leaves nothing.
 * C4  Keys and names may hold any text. C5  A value may be larger than a record of Kafka, and smaller again.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import { aggregate, collect } from "../dsl/aggregate.ts";
import {
  type AggregatingState,
  aggregatingState,
  type ListState,
  listState,
  type MapState,
  mapState,
  type StateDescriptor,
  type ValueState,
  valueState,
} from "../dsl/state.ts";
import { FrameWriter, forEachFrame, RECORD_BYTES_MAX } from "../kafka/frames.ts";
import { Changelog } from "./changelog.ts";
import { parseChangelogKey } from "./changelog-key.ts";
import { VALUE_BYTES_MAX } from "./schema-ledger.ts";
import { StateStore } from "./state-store.ts";
import { UndoLog } from "./undo-log.ts";
import { type Accumulation, WindowState } from "./window-state.ts";

const Text = codecOf<string>("text", "string");

interface Current {
  key: string;
  partition: number;
  timestamp: number;
  watermark: number;
  nowMs: number;
}

/** The state of one key, as all kinds have it. */
interface Place {
  write(text: string): void;
  clear(): void;
  read(): readonly string[];
}

interface Kind {
  readonly name: string;
  /** Whether `write` adds to what there is. */
  readonly adds: boolean;
  open(store: StateStore, current: Current, undo: UndoLog): Place;
}

/** Its names are hostile, too: what is written goes under a name of its own. */
const NAME = "n\0:1e+5+é😀__proto__";

const opened = <S>(store: StateStore, descriptor: StateDescriptor): S =>
  store.open("step.s", descriptor) as S;

const ofValue = (name: string, options: object): Kind => ({
  name,
  adds: false,
  open(store) {
    const state = opened<ValueState<string>>(store, valueState(Text, options));
    return { write: state.put, clear: state.clear, read: () => [state.get() ?? []].flat() };
  },
});
const ofMap = (name: string, options: object): Kind => ({
  name,
  adds: true,
  open(store) {
    const state = opened<MapState<string>>(store, mapState(Text, options));
    return {
      write: (text) => state.put(`${NAME}${state.size}`, text),
      clear: state.clear,
      read: () => [...state.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text),
    };
  },
});

function ofWindow(name: string, isCollect: boolean): Kind {
  return {
    name,
    adds: true,
    open(store, current, undo) {
      const held = new Map<string, Accumulation<unknown>>();
      const texts = codecOf<string[]>("texts", { type: "array", items: "string" });
      const made = isCollect
        ? collect({ codec: Text, result: (all) => all })
        : aggregate({
            codec: texts,
            create: (): string[] => [],
            add: (all: string[], text: string) => [...all, text],
            merge: (a: string[], b: string[]) => [...a, ...b],
            result: (all) => all,
          });
      const state = new WindowState<unknown, unknown, unknown>("step.s", made as never, undo, {
        hold: (entry) => held.set(entry.key, entry),
        release: (entry) => held.delete(entry.key),
      });
      store.adopt("step.s", state);
      let id = 0;
      return {
        write(text) {
          const { key, partition } = current;
          state.add(held.get(key) ?? state.open(key, partition, 1e21 + id++ * 1e6, 0, 10), text, undefined);
        },
        clear() {
          const entry = held.get(current.key);
          if (entry) state.drop(entry);
        },
        read: () => (held.get(current.key)?.value ?? []) as string[],
      };
    },
  };
}

const TTL = { ttl: { after: 1_000, time: "event" } } as const;
const KINDS: readonly Kind[] = [
  ofValue("value", {}),
  ofValue("value with a time to live", TTL),
  ofMap("map", {}),
  ofMap("map with a time to live", TTL),
  {
    name: "list",
    adds: true,
    open(store) {
      const state = opened<ListState<string>>(store, listState(Text));
      return { write: state.add, clear: state.clear, read: state.get };
    },
  },
  {
    name: "aggregating",
    adds: true,
    open(store) {
      const all = codecOf<string[]>("texts", { type: "array", items: "string" });
      const add = (texts: string[], text: string) => [...texts, text];
      const state = opened<AggregatingState<string, string[]>>(
        store,
        aggregatingState(all, { create: () => [], add }),
      );
      return { write: state.add, clear: state.clear, read: () => state.get() ?? [] };
    },
  },
  ofWindow("window", false),
  ofWindow("window that collects", true),
];

interface LogRecord {
  readonly key: string;
  readonly value: Buffer | null;
}

/** A task's state, as far as it matters here: two partitions, a changelog each. */
class Run {
  readonly logs: LogRecord[][] = [[], []];
  readonly #kind: Kind;
  #current!: Current;
  #undo!: UndoLog;
  #frames!: FrameWriter;
  #changelog!: Changelog;
  #store!: StateStore;
  #place!: Place;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.restart();
  }

  restart(): void {
    this.#current = { key: "", partition: 0, timestamp: 0, watermark: Number.NEGATIVE_INFINITY, nowMs: 0 };
    this.#undo = new UndoLog();
    this.#frames = new FrameWriter();
    this.#changelog = new Changelog(this.#frames, 0, this.#current);
    this.#store = new StateStore(this.#current, this.#undo);
    this.#place = this.#kind.open(this.#store, this.#current, this.#undo);
    for (const [partition, log] of this.logs.entries()) {
      for (const record of log) {
        const key = parseChangelogKey(record.key);
        const value = record.value && Buffer.from(record.value);
        if (key.kind === "part") this.#changelog.restorePart(key, partition, value);
        else if (key.kind === "schema") this.#store.restore(key, partition, value);
        else if (key.kind === "value" || key.kind === "map") {
          if (!this.#changelog.isCut(key, partition, value)) this.#store.restore(key, partition, value);
        } else throw new Error(record.key);
        value?.fill(0xee);
      }
    }
    this.#changelog.seal((key, partition, value) => this.#store.restore(key, partition, value));
    this.#store.seal();
  }

  /** A record of `key`; a throw takes it back. */
  record(key: string, body: (place: Place) => void): void {
    this.#at(key);
    try {
      body(this.#place);
      this.#undo.clear();
    } catch (error) {
      this.#undo.rollback();
      throw error;
    }
  }

  read(key: string): readonly string[] {
    this.#at(key);
    return this.#place.read();
  }

  #at(key: string): void {
    this.#current.key = key;
    this.#current.partition = key.length % 2;
  }

  flush(): void {
    this.#store.flush(this.#changelog);
    forEachFrame(this.#frames.take(), ({ partition, key, value }) => {
      this.logs[partition]!.push({ key: key!.toString(), value: value && Buffer.from(value) });
    });
  }

  /** As a broker does: of the first `count` records those are gone that a later one of them replaces. */
  compact(count: number): void {
    for (const [partition, log] of this.logs.entries()) {
      const newest = new Map(log.slice(0, count).map(({ key }, index) => [key, index]));
      this.logs[partition] = log.filter(({ key }, index) => index >= count || newest.get(key) === index);
    }
  }

  /** Keys that the changelogs hold, but schemas. */
  keys(): string[] {
    return this.logs.flatMap((log) => {
      const held = new Map(log.map(({ key, value }) => [key, value]));
      return [...held].filter(([key, value]) => value !== null && !key.startsWith("s\0")).map(([key]) => key);
    });
  }
}

const LARGE = "x".repeat(RECORD_BYTES_MAX + 10);
const LARGER = "é".repeat(RECORD_BYTES_MAX + 10);
const hostileKeys = ["a", "", "b\0", "\0", "1:2", "é😀", "__proto__", "a\0:7+é", "x".repeat(3_000)];

describe.each(KINDS)("$name state", (kind) => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("write" as const),
        key: fc.constantFrom(...hostileKeys),
        texts: fc.array(fc.constantFrom("", "one", "two é", "\0"), { minLength: 1, maxLength: 3 }),
        clears: fc.boolean(),
        throws: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("write" as const),
        key: fc.constantFrom("a", "b\0"),
        texts: fc.constantFrom([LARGE], [LARGER], [LARGER, "a"]),
        clears: fc.boolean(),
        throws: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("clear" as const), key: fc.constantFrom(...hostileKeys) }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("restart" as const), compacted: fc.nat(60) }) },
  );

  it("is what was written to it, over throws, epochs, restarts and compaction (C1, C2, C4, C5)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const run = new Run(kind);
        const model = new Map<string, string[]>();
        let flushed = new Map<string, string[]>();
        for (const step of steps) {
          switch (step.do) {
            case "write": {
              const { key, texts, clears, throws } = step;
              const body = (place: Place) => {
                if (clears) place.clear();
                for (const text of texts) place.write(text);
                if (throws) throw new Error("thrown");
              };
              if (throws) expect(() => run.record(key, body)).toThrow("thrown");
              else {
                run.record(key, body);
                const before = clears || !kind.adds ? [] : (model.get(key) ?? []);
                model.set(key, kind.adds ? [...before, ...texts] : texts.slice(-1));
              }
              break;
            }
            case "clear":
              run.record(step.key, (place) => place.clear());
              model.delete(step.key);
              break;
            case "flush":
              run.flush();
              flushed = new Map(model);
              break;
            case "restart":
              run.compact(step.compacted);
              run.restart();
              model.clear();
              for (const [key, texts] of flushed) model.set(key, texts);
              break;
          }
        }
        for (const key of hostileKeys) expect(run.read(key)).toEqual(model.get(key) ?? []);
        run.flush();
        run.restart();
        for (const key of hostileKeys) expect(run.read(key)).toEqual(model.get(key) ?? []);
      }),
      { numRuns: 60 },
    );
  });

  it("refuses what its codec cannot hold when it is written, naming the state, and keeps nothing of it (C3)", () => {
    const run = new Run(kind);
    run.record("a", (place) => place.write("before"));
    const misfits: unknown[] = [undefined, null, 5, Number.NaN, "half \ud83d", {}, ["x"]];
    for (const misfit of misfits) {
      const write = (place: Place) => {
        place.write("in the same record");
        place.write(misfit as string);
      };
      expect(() => run.record("a", write)).toThrow('state "step.s" cannot hold it: ');
      expect(() => run.record("b", write)).toThrow('state "step.s" cannot hold it: ');
    }
    expect([run.read("a"), run.read("b")]).toEqual([["before"], []]);
    run.flush();
    run.restart();
    expect([run.read("a"), run.read("b")]).toEqual([["before"], []]);
  });

  it("refuses a value that is too large when it is written (C3)", () => {
    const run = new Run(kind);
    const tooLarge = "x".repeat(VALUE_BYTES_MAX);
    expect(() => run.record("a", (place) => place.write(tooLarge))).toThrow(`more than ${VALUE_BYTES_MAX}`);
    expect(run.read("a")).toEqual([]);
  });

  it("leaves nothing of a large value in the changelog once it is small, or gone (C5)", () => {
    const run = new Run(kind);
    run.record("a", (place) => place.write(LARGER));
    run.flush();
    expect(run.keys().filter((key) => key.startsWith("c\0"))).toHaveLength(3);
    run.restart();
    run.record("a", (place) => {
      place.clear();
      place.write("small");
    });
    run.flush();
    expect(run.keys().filter((key) => key.startsWith("c\0"))).toEqual([]);
    run.restart();
    expect(run.read("a")).toEqual(["small"]);
    run.record("a", (place) => place.clear());
    run.flush();
    expect(run.keys()).toEqual([]);
  });

  it("leaves nothing in the changelog of what came and went within an epoch", () => {
    const run = new Run(kind);
    run.record("a", (place) => place.write("x"));
    run.record("a", (place) => place.clear());
    run.flush();
    expect(run.logs.flat().filter(({ key }) => !key.startsWith("s\0"))).toEqual([]);
  });
});
