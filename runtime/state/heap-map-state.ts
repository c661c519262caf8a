/** Named values a key, on the heap; a change writes its entry alone. */
import type { Codec } from "../../schemas/codec.ts";
import type { MapState } from "../dsl/state.ts";
import { assert } from "../errors.ts";
import { type ChangelogKey, mapKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, CurrentKey, StateBackend } from "./state-store.ts";
import type { UndoLog } from "./undo-log.ts";

const EMPTY: ReadonlyMap<string, never> = new Map<string, never>();

export class HeapMapState<V> implements StateBackend {
  readonly facade: MapState<V>;
  readonly #name: string;
  readonly #schemas: SchemaLedger<V>;
  readonly #maps = new Map<string, Map<string, V>>();
  /** The key whose map was looked up last, and that map. */
  #hereKey: string | undefined;
  #hereMap: Map<string, V> | undefined;
  /** Changed entries by key, and the partition the key belongs to. */
  readonly #dirty = new Map<string, { readonly partition: number; readonly names: Set<string> }>();

  constructor(name: string, codec: Codec<V>, current: CurrentKey, undo: UndoLog) {
    this.#name = name;
    this.#schemas = new SchemaLedger(name, codec);
    // A step asks for the map of its key several times a record: it is looked up once.
    const here = (): ReadonlyMap<string, V> => {
      if (current.key !== this.#hereKey) {
        this.#hereKey = current.key;
        this.#hereMap = this.#maps.get(current.key);
      }
      return this.#hereMap ?? EMPTY;
    };
    const set = (entry: string, value: V | undefined) => {
      const { key, partition } = current;
      const before = here().get(entry);
      undo.push(() => this.#assign(key, entry, before));
      this.#assign(key, entry, value);
      const dirty = this.#dirty.get(key);
      if (dirty) dirty.names.add(entry);
      else this.#dirty.set(key, { partition, names: new Set([entry]) });
    };
    this.facade = {
      get: (entry) => here().get(entry),
      has: (entry) => here().has(entry),
      put: set,
      delete: (entry) => {
        if (here().has(entry)) set(entry, undefined);
      },
      entries: () => here().entries() as IterableIterator<[string, V]>,
      values: () => here().values() as IterableIterator<V>,
      get size() {
        return here().size;
      },
      clear: () => {
        for (const entry of [...here().keys()]) set(entry, undefined);
      },
    };
  }

  #assign(key: string, entry: string, value: V | undefined): void {
    const map = key === this.#hereKey ? this.#hereMap : this.#maps.get(key);
    if (map && value !== undefined) {
      map.set(entry, value);
      return;
    }
    this.#hereKey = undefined;
    if (value !== undefined) {
      this.#maps.set(key, new Map([[entry, value]]));
    } else if (map) {
      map.delete(entry);
      if (map.size === 0) this.#maps.delete(key);
    }
  }

  restore(key: ChangelogKey, _partition: number, value: Buffer | null): void {
    assert(key.kind === "map", `a ${key.kind} record in map state ${this.#name}`);
    this.#assign(key.key, key.name, value === null ? undefined : this.#schemas.decode(value));
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
    for (const [key, { partition, names }] of this.#dirty) {
      const map = this.#maps.get(key);
      for (const name of names) {
        const value = map?.get(name);
        if (value === undefined) writer.delete(partition, mapKey(this.#name, key, name));
        else this.#schemas.write(writer, partition, mapKey(this.#name, key, name), value);
      }
    }
    this.#dirty.clear();
  }
}
