/** One value a key, on the heap. */
import type { Codec } from "../../schemas/codec.ts";
import type { ValueState } from "../dsl/state.ts";
import { assert } from "../errors.ts";
import { type ChangelogKey, valueKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, CurrentKey, StateBackend } from "./state-store.ts";
import type { Undoable, UndoLog } from "./undo-log.ts";

/** A key's value; undefined: it has none. */
interface Entry<T> {
  readonly key: string;
  readonly partition: number;
  value: T | undefined;
  isDirty: boolean;
  /** Whether the changelog has it: what comes and goes within an epoch leaves nothing there. */
  stored: boolean;
}

export class HeapValueState<T> implements StateBackend, Undoable<Entry<T>, T | undefined> {
  readonly facade: ValueState<T>;
  readonly #name: string;
  readonly #schemas: SchemaLedger<T>;
  readonly #entries = new Map<string, Entry<T>>();
  #dirty: Entry<T>[] = [];

  constructor(name: string, codec: Codec<T>, current: CurrentKey, undo: UndoLog) {
    this.#name = name;
    this.#schemas = new SchemaLedger(name, codec);
    const set = (value: T | undefined) => {
      const entry = this.#entries.get(current.key) ?? this.#add(current.key, current.partition);
      undo.note(this, entry, entry.value);
      entry.value = value;
      if (entry.isDirty) return;
      entry.isDirty = true;
      this.#dirty.push(entry);
    };
    this.facade = {
      get: () => this.#entries.get(current.key)?.value,
      put: (value) => {
        this.#schemas.check(value);
        set(value);
      },
      clear: () => {
        if (this.#entries.get(current.key)?.value !== undefined) set(undefined);
      },
    };
  }

  takeBack(entry: Entry<T>, before: T | undefined): void {
    entry.value = before;
  }

  #add(key: string, partition: number): Entry<T> {
    const entry = { key, partition, value: undefined, isDirty: false, stored: false };
    this.#entries.set(key, entry);
    return entry;
  }

  restore(key: ChangelogKey, partition: number, value: Buffer | null): void {
    assert(key.kind === "value", () => `a ${key.kind} record in value state ${this.#name}`);
    if (value === null) this.#entries.delete(key.key);
    else {
      const entry = this.#add(key.key, partition);
      entry.value = this.#schemas.decode(value, partition);
      entry.stored = true;
    }
  }

  learnSchema(id: number, schema: string, partition: number): void {
    this.#schemas.learn(id, schema, partition);
  }

  get isDirty(): boolean {
    return this.#dirty.length > 0;
  }

  seal(): void {}

  flush(writer: ChangelogWriter): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const entry of dirty) {
      const { key, partition, value } = entry;
      entry.isDirty = false;
      if (value !== undefined) {
        this.#schemas.write(writer, partition, valueKey(this.#name, key), value);
        entry.stored = true;
        continue;
      }
      this.#entries.delete(key);
      if (entry.stored) writer.delete(partition, valueKey(this.#name, key));
    }
  }
}
