/**
 * Named values a key, on the heap; a change writes its entry alone.
 *
 * HM1  An entry that is not in its map any more is deleted: a name that comes back gets a new entry, unless what deleted it is
 *      undone. So one that is deleted says so in the changelog only where no other has its name now.
 * HM2  What comes and goes within an epoch leaves nothing in the changelog.
 */
import type { Codec } from "../../schemas/codec.ts";
import type { MapState } from "../dsl/state.ts";
import { assert } from "../errors.ts";
import { checkKey } from "../kafka/key.ts";
import { type ChangelogKey, mapKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, CurrentKey, StateBackend } from "./state-store.ts";
import type { Undoable, UndoLog } from "./undo-log.ts";

/** All that a key has. */
interface Owner<V> {
  readonly key: string;
  readonly partition: number;
  readonly entries: Map<string, Entry<V>>;
}

interface Entry<V> {
  readonly owner: Owner<V>;
  readonly name: string;
  /** Undefined: deleted (HM1). */
  value: V | undefined;
  isDirty: boolean;
  /** Whether the changelog has it. */
  stored: boolean;
}

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

export class HeapMapState<V> implements StateBackend, Undoable<Entry<V>, V | undefined> {
  readonly facade: MapState<V>;
  readonly #name: string;
  readonly #schemas: SchemaLedger<V>;
  readonly #owners = new Map<string, Owner<V>>();
  /** The key that was looked up last, and what it has: a step asks for its key's several times a record. */
  #hereKey: string | undefined;
  #here: Owner<V> | undefined;
  #dirty: Entry<V>[] = [];

  constructor(name: string, codec: Codec<V>, current: CurrentKey, undo: UndoLog) {
    this.#name = name;
    this.#schemas = new SchemaLedger(name, codec);
    const here = (): ReadonlyMap<string, Entry<V>> => this.#ownerOf(current.key)?.entries ?? NOTHING;
    const set = (name: string, value: V | undefined) => {
      const owner = this.#ownerOf(current.key) ?? this.#addOwner(current.key, current.partition);
      const entry = owner.entries.get(name) ?? this.#addEntry(owner, name);
      undo.note(this, entry, entry.value);
      this.#assign(entry, value);
    };
    this.facade = {
      get: (name) => here().get(name)?.value,
      has: (name) => here().has(name),
      put: (name, value) => {
        checkKey(`state "${this.#name}": the name`, name);
        this.#schemas.check(value);
        set(name, value);
      },
      delete: (name) => {
        if (here().has(name)) set(name, undefined);
      },
      *entries() {
        for (const entry of here().values()) yield [entry.name, entry.value!];
      },
      *values() {
        for (const entry of here().values()) yield entry.value!;
      },
      get size() {
        return here().size;
      },
      clear: () => {
        for (const name of [...here().keys()]) set(name, undefined);
      },
    };
  }

  takeBack(entry: Entry<V>, before: V | undefined): void {
    // A deleted entry comes back itself: nobody has taken its name since, for what came later is undone already.
    if (before !== undefined) this.#ownerBack(entry.owner).entries.set(entry.name, entry);
    this.#assign(entry, before);
  }

  #assign(entry: Entry<V>, value: V | undefined): void {
    entry.value = value;
    if (!entry.isDirty) {
      entry.isDirty = true;
      this.#dirty.push(entry);
    }
    if (value === undefined) this.#remove(entry);
  }

  #ownerOf(key: string): Owner<V> | undefined {
    if (key === this.#hereKey) return this.#here;
    this.#hereKey = key;
    this.#here = this.#owners.get(key);
    return this.#here;
  }

  #addOwner(key: string, partition: number): Owner<V> {
    return this.#ownerBack({ key, partition, entries: new Map() });
  }

  #ownerBack(owner: Owner<V>): Owner<V> {
    this.#owners.set(owner.key, owner);
    this.#hereKey = undefined;
    return owner;
  }

  #addEntry(owner: Owner<V>, name: string): Entry<V> {
    const entry = { owner, name, value: undefined, isDirty: false, stored: false };
    owner.entries.set(name, entry);
    return entry;
  }

  #remove({ owner, name }: Entry<V>): void {
    owner.entries.delete(name);
    if (owner.entries.size > 0) return;
    this.#owners.delete(owner.key);
    this.#hereKey = undefined;
  }

  restore(key: ChangelogKey, partition: number, value: Buffer | null): void {
    assert(key.kind === "map", () => `a ${key.kind} record in map state ${this.#name}`);
    const owner = this.#ownerOf(key.key);
    const entry = owner?.entries.get(key.name);
    if (value === null) {
      if (entry) this.#remove(entry);
      return;
    }
    const kept = entry ?? this.#addEntry(owner ?? this.#addOwner(key.key, partition), key.name);
    kept.value = this.#schemas.decode(value, partition);
    kept.stored = true;
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
      entry.isDirty = false;
      const { owner, name, value } = entry;
      const key = mapKey(this.#name, owner.key, name);
      if (value !== undefined) this.#schemas.write(writer, owner.partition, key, value);
      else if (entry.stored && !this.#owners.get(owner.key)?.entries.has(name))
        // HM1, HM2
        writer.delete(owner.partition, key);
      entry.stored = value !== undefined;
    }
  }
}
