/**
 * State with a time to live: values or maps whose entries go by themselves.
 *
 * TL1  An entry is seen by those whose time is before its deadline, which is `after` later than the time of the record that
 *      last wrote it. In event time both are times of records: what a record sees does not depend on when it is read, unless
 *      it is late.
 * TL2  Once time (the watermark, or the clock) has passed the deadline, the entry leaves memory, and the changelog by a
 *      tombstone, whether or not anybody asks for it: in a turn `EXPIRED_A_TURN` entries, and twice as many as were written in it.
 *      So a turn stays as short as what it read, and what goes keeps up with what comes.
 * TL3  An entry waits in the heap of deadlines once; a later deadline is found out when its turn comes. Deadlines there are
 *      rounded up to 1/64 of the life, so that many entries share one.
 * TL4  One that is deleted leaves memory with the next epoch; the heap is rid of such ones when they are as many as the others.
 */
import type { Codec } from "../../schemas/codec.ts";
import type { MapState, TimeToLive, ValueState } from "../dsl/state.ts";
import { assert } from "../errors.ts";
import { checkKey } from "../kafka/key.ts";
import { NO_WATERMARK } from "../time.ts";
import { type ChangelogKey, mapKey, valueKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, Current, StateBackend } from "./state-store.ts";
import { TimeHeap } from "./time-heap.ts";
import type { Undoable, UndoLog } from "./undo-log.ts";

const EXPIRED_A_TURN = 1_000;
/** So many entries that are gone are worth a pass over the heap. */
const GONE_MIN = 4_096;

class Entry<V> {
  readonly key: string;
  readonly partition: number;
  readonly name: string;
  /** `undefined`: deleted. */
  value: V | undefined;
  deadlineMs: number;
  waits = false;
  stored = false;
  /** Forgotten, though the heap may still hold it. */
  gone = false;

  constructor(key: string, partition: number, name: string, value: V | undefined, deadlineMs: number) {
    this.key = key;
    this.partition = partition;
    this.name = name;
    this.value = value;
    this.deadlineMs = deadlineMs;
  }
}

export class ExpiringState<V> implements StateBackend, Undoable {
  readonly facade: ValueState<V> | MapState<V>;
  readonly #kind: "value" | "map";
  readonly #name: string;
  readonly #ttl: TimeToLive;
  readonly #schemas: SchemaLedger<V>;
  readonly #current: Current;
  readonly #undo: UndoLog;
  readonly #keys = new Map<string, Map<string, Entry<V>>>();
  readonly #dirty = new Set<Entry<V>>();
  readonly #deadlines = new TimeHeap<Entry<V>>();
  readonly #grainMs: number;
  /** Taken from the heap and not looked at yet (TL2). */
  #due: readonly Entry<V>[] = [];
  #dueAt = 0;
  /** Entries written since the last turn. */
  #written = 0;
  /** Entries in the heap that are gone (TL4). */
  #gone = 0;

  constructor(
    kind: "value" | "map",
    name: string,
    codec: Codec<V>,
    ttl: TimeToLive,
    current: Current,
    undo: UndoLog,
  ) {
    this.#kind = kind;
    this.#name = name;
    this.#ttl = ttl;
    this.#schemas = new SchemaLedger(name, codec);
    this.#current = current;
    this.#undo = undo;
    this.#grainMs = Math.max(1, Math.floor(ttl.after / 64));
    this.facade = kind === "value" ? this.#valueFacade() : this.#mapFacade();
  }

  /** How many entries wait for their time, those that are gone among them. */
  get waiting(): number {
    return this.#deadlines.size + this.#due.length - this.#dueAt;
  }

  #valueFacade(): ValueState<V> {
    return {
      get: () => this.#get(""),
      put: (value) => this.#set("", value),
      clear: () => this.#delete(""),
    };
  }

  #mapFacade(): MapState<V> {
    const state = this;
    function* entries(): Generator<[string, V]> {
      const now = state.#now();
      for (const { name, value, deadlineMs } of state.#keys.get(state.#current.key)?.values() ?? [])
        if (value !== undefined && deadlineMs > now) yield [name, value];
    }
    return {
      get: (name) => this.#get(name),
      has: (name) => this.#get(name) !== undefined,
      put: (name, value) => {
        checkKey(`state "${this.#name}": the name`, name);
        this.#set(name, value);
      },
      delete: (name) => this.#delete(name),
      entries,
      *values() {
        for (const [, value] of entries()) yield value;
      },
      get size() {
        let size = 0;
        for (const _ of entries()) size++;
        return size;
      },
      // Also what the record at hand does not see any more: one with an earlier time still would.
      clear: () => {
        for (const name of [...(this.#keys.get(this.#current.key)?.keys() ?? [])]) this.#delete(name);
      },
    };
  }

  /** The time at hand (TL1). */
  #now(): number {
    const { timestamp, watermark, nowMs } = this.#current;
    return this.#ttl.time === "processing" ? nowMs : (timestamp ?? watermark);
  }

  #get(name: string): V | undefined {
    const entry = this.#keys.get(this.#current.key)?.get(name);
    return entry && entry.deadlineMs > this.#now() ? entry.value : undefined;
  }

  #set(name: string, value: V): void {
    this.#schemas.check(value);
    this.#written++;
    const { key, partition } = this.#current;
    let names = this.#keys.get(key);
    if (!names) {
      names = new Map();
      this.#keys.set(key, names);
    }
    let entry = names.get(name);
    if (!entry) {
      entry = new Entry<V>(key, partition, name, undefined, NO_WATERMARK);
      names.set(name, entry);
    }
    this.#change(entry, value, this.#deadline(this.#now()));
    this.#await(entry);
  }

  /** What is written before there is any time lives from the first that is known. */
  #deadline(now: number): number {
    return now === NO_WATERMARK ? Number.POSITIVE_INFINITY : now + this.#ttl.after;
  }

  #delete(name: string): void {
    const entry = this.#keys.get(this.#current.key)?.get(name);
    if (entry?.value !== undefined) this.#change(entry, undefined, entry.deadlineMs);
  }

  #change(entry: Entry<V>, value: V | undefined, deadlineMs: number): void {
    this.#undo.note(this, entry, { value: entry.value, deadlineMs: entry.deadlineMs });
    entry.value = value;
    entry.deadlineMs = deadlineMs;
    this.#dirty.add(entry);
  }

  takeBack(changed: unknown, before: unknown): void {
    Object.assign(changed as Entry<V>, before as Pick<Entry<V>, "value" | "deadlineMs">);
  }

  // --- going by itself -----------------------------------------------------------------------------------------------

  #await(entry: Entry<V>): void {
    if (entry.waits) return;
    entry.waits = true;
    const { deadlineMs } = entry;
    if (deadlineMs === Number.POSITIVE_INFINITY) this.#deadlines.add(Number.MIN_SAFE_INTEGER, entry);
    else this.#deadlines.add(Math.ceil(deadlineMs / this.#grainMs) * this.#grainMs, entry);
  }

  expire(watermark: number, nowMs: number): void {
    const now = this.#ttl.time === "processing" ? nowMs : watermark;
    const budget = EXPIRED_A_TURN + 2 * this.#written;
    this.#written = 0;
    for (let done = 0; done < budget; done++) {
      if (this.#dueAt >= this.#due.length) {
        const next = this.#deadlines.next();
        if (next > now) return;
        this.#due = this.#deadlines.take(next);
        this.#dueAt = 0;
      }
      const entry = this.#due[this.#dueAt++]!;
      entry.waits = false;
      if (entry.gone) {
        this.#gone--;
        continue;
      }
      if (entry.deadlineMs === Number.POSITIVE_INFINITY) {
        entry.deadlineMs = this.#deadline(now);
        if (entry.value !== undefined) this.#dirty.add(entry);
      }
      if (entry.value !== undefined && entry.deadlineMs > now) this.#await(entry);
      else this.#remove(entry);
    }
  }

  #remove(entry: Entry<V>): void {
    if (entry.value !== undefined) {
      entry.value = undefined;
      this.#dirty.add(entry);
    }
    // What is still to be written leaves memory when it is (`flush`).
    if (!this.#dirty.has(entry)) this.#forget(entry);
  }

  #forget(entry: Entry<V>): void {
    const names = this.#keys.get(entry.key);
    names?.delete(entry.name);
    if (names?.size === 0) this.#keys.delete(entry.key);
    entry.gone = true;
    if (!entry.waits) return;
    this.#gone++;
    if (this.#gone < GONE_MIN || 2 * this.#gone < this.#deadlines.size) return;
    // Those that are due are out of the heap, and looked at in their turn.
    const due = this.#due.slice(this.#dueAt);
    this.#deadlines.keep(({ gone }) => !gone);
    this.#gone = due.filter(({ gone }) => gone).length;
  }

  // --- the changelog -------------------------------------------------------------------------------------------------

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  flush(writer: ChangelogWriter): void {
    for (const entry of this.#dirty) {
      const { key, partition, name, value, deadlineMs } = entry;
      const id = this.#kind === "value" ? valueKey(this.#name, key) : mapKey(this.#name, key, name);
      if (value !== undefined) {
        this.#schemas.writeUntil(writer, partition, id, value, deadlineMs);
        entry.stored = true;
      } else {
        if (entry.stored) writer.delete(partition, id);
        entry.stored = false;
        this.#forget(entry);
      }
    }
    this.#dirty.clear();
  }

  restore(key: ChangelogKey, partition: number, bytes: Buffer | null): void {
    assert(key.kind === this.#kind, () => `a ${key.kind} record in ${this.#kind} state ${this.#name}`);
    const name = key.kind === "map" ? key.name : "";
    const names = this.#keys.get(key.key) ?? new Map<string, Entry<V>>();
    this.#keys.set(key.key, names);
    if (bytes === null) {
      names.delete(name);
      if (names.size === 0) this.#keys.delete(key.key);
      return;
    }
    // What was written before the state had a time to live lives from now on.
    const deadlineMs = this.#schemas.deadlineOf(bytes) ?? Number.NaN;
    const entry = new Entry<V>(key.key, partition, name, this.#schemas.decode(bytes, partition), deadlineMs);
    entry.stored = true;
    names.set(name, entry);
  }

  learnSchema(id: number, schema: string, partition: number): void {
    this.#schemas.learn(id, schema, partition);
  }

  seal(): void {
    const { watermark, nowMs } = this.#current;
    const now = this.#ttl.time === "processing" ? nowMs : watermark;
    for (const names of this.#keys.values()) {
      for (const entry of names.values()) {
        if (Number.isNaN(entry.deadlineMs)) {
          entry.deadlineMs = this.#deadline(now);
          this.#dirty.add(entry);
        }
        this.#await(entry);
      }
    }
  }
}
