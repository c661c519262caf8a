/** One value a key, on the heap. */
import type { Codec } from "../../schemas/codec.ts";
import type { ValueState } from "../dsl/state.ts";
import { assert } from "../errors.ts";
import { type ChangelogKey, valueKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, CurrentKey, StateBackend } from "./state-store.ts";
import type { UndoLog } from "./undo-log.ts";

export class HeapValueState<T> implements StateBackend {
  readonly facade: ValueState<T>;
  readonly #name: string;
  readonly #schemas: SchemaLedger<T>;
  readonly #values = new Map<string, T>();
  /** Changed keys and the partition each belongs to. */
  readonly #dirty = new Map<string, number>();

  constructor(name: string, codec: Codec<T>, current: CurrentKey, undo: UndoLog) {
    this.#name = name;
    this.#schemas = new SchemaLedger(name, codec);
    const set = (value: T | undefined) => {
      const { key, partition } = current;
      const before = this.#values.get(key);
      undo.push(() => this.#assign(key, before));
      this.#assign(key, value);
      this.#dirty.set(key, partition);
    };
    this.facade = {
      get: () => this.#values.get(current.key),
      put: set,
      clear: () => {
        if (this.#values.has(current.key)) set(undefined);
      },
    };
  }

  #assign(key: string, value: T | undefined): void {
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
  }

  restore(key: ChangelogKey, _partition: number, value: Buffer | null): void {
    assert(key.kind === "value", `a ${key.kind} record in value state ${this.#name}`);
    this.#assign(key.key, value === null ? undefined : this.#schemas.decode(value));
  }

  learnSchema(id: number, schema: string, partition: number): void {
    this.#schemas.learn(id, schema, partition);
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  seal(): void {
    this.#schemas.seal();
  }

  flush(writer: ChangelogWriter): void {
    for (const [key, partition] of this.#dirty) {
      const value = this.#values.get(key);
      if (value === undefined) writer.delete(partition, valueKey(this.#name, key));
      else this.#schemas.write(writer, partition, valueKey(this.#name, key), value);
    }
    this.#dirty.clear();
  }
}
