/** A list a key, on the heap; adding a value writes that value alone. In the changelog: entries of kind `m`, named by index. */
import type { Codec } from "../../schemas/codec.ts";
import type { ListState } from "../dsl/state.ts";
import { assert } from "../errors.ts";
import { type ChangelogKey, mapKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, CurrentKey, StateBackend } from "./state-store.ts";
import type { Undoable, UndoLog } from "./undo-log.ts";

interface List<T> {
  readonly key: string;
  readonly partition: number;
  values: T[];
  /** How many entries the changelog has. */
  stored: number;
  /** Values from here on differ from the changelog. */
  dirtyFrom: number;
}

const EMPTY: readonly never[] = [];

export class HeapListState<T> implements StateBackend, Undoable {
  readonly facade: ListState<T>;
  readonly #name: string;
  readonly #schemas: SchemaLedger<T>;
  readonly #lists = new Map<string, List<T>>();
  readonly #dirty = new Set<List<T>>();
  /** While restoring: values by index, of each key. */
  readonly #restored = new Map<string, { readonly partition: number; readonly values: Map<number, T> }>();

  constructor(name: string, codec: Codec<T>, current: CurrentKey, undo: UndoLog) {
    this.#name = name;
    this.#schemas = new SchemaLedger(name, codec);
    const listOf = (): List<T> => {
      let list = this.#lists.get(current.key);
      if (!list) {
        const { key, partition } = current;
        list = { key, partition, values: [], stored: 0, dirtyFrom: 0 };
        this.#lists.set(key, list);
      }
      return list;
    };
    const put = (values: readonly T[]) => {
      for (const value of values) this.#schemas.check(value);
      const list = listOf();
      undo.note(this, list, list.values);
      list.values = [...values];
      this.#changed(list, 0);
    };
    this.facade = {
      get: () => this.#lists.get(current.key)?.values ?? EMPTY,
      add: (value) => {
        this.#schemas.check(value);
        const list = listOf();
        undo.note(this, list, list.values.length);
        this.#changed(list, list.values.length);
        list.values.push(value);
      },
      put,
      clear: () => {
        if (this.#lists.has(current.key)) put([]);
      },
    };
  }

  #changed(list: List<T>, from: number): void {
    list.dirtyFrom = this.#dirty.has(list) ? Math.min(list.dirtyFrom, from) : from;
    this.#dirty.add(list);
  }

  /** `before`: the values, or how many of them there were when one was added. */
  takeBack(changed: unknown, before: unknown): void {
    const list = changed as List<T>;
    if (typeof before === "number") list.values.length = before;
    else list.values = before as T[];
  }

  restore(key: ChangelogKey, partition: number, value: Buffer | null): void {
    assert(key.kind === "map", () => `a ${key.kind} record in list state ${this.#name}`);
    const list = this.#restored.get(key.key) ?? { partition, values: new Map<number, T>() };
    this.#restored.set(key.key, list);
    if (value === null) list.values.delete(Number(key.name));
    else list.values.set(Number(key.name), this.#schemas.decode(value, partition));
  }

  learnSchema(id: number, schema: string, partition: number): void {
    this.#schemas.learn(id, schema, partition);
  }

  seal(): void {
    for (const [key, { partition, values }] of this.#restored) {
      if (values.size === 0) continue;
      const ordered = [...values].sort(([a], [b]) => a - b).map(([, value]) => value);
      assert(values.has(ordered.length - 1), `list state ${this.#name} of "${key}" lacks an entry`);
      this.#lists.set(key, { key, partition, values: ordered, stored: ordered.length, dirtyFrom: 0 });
    }
    this.#restored.clear();
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  flush(writer: ChangelogWriter): void {
    for (const list of this.#dirty) {
      const { key, partition, values, stored } = list;
      for (let i = list.dirtyFrom; i < values.length; i++)
        this.#schemas.write(writer, partition, mapKey(this.#name, key, String(i)), values[i]!);
      for (let i = values.length; i < stored; i++)
        writer.delete(partition, mapKey(this.#name, key, String(i)));
      list.stored = values.length;
      if (values.length === 0) this.#lists.delete(key);
    }
    this.#dirty.clear();
  }
}
