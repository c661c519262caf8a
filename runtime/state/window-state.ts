/**
 * The accumulators of a window operator: what one (key, pane or session) holds, which of them changed in this epoch, and how
 * to take the current record back. How they are found again is the operator's business (operators/windows/).
 *
 * WS1  A record's first change of an accumulator saves it; nothing is allocated for that, nor for further changes (U2).
 * WS2  An accumulator is in the dirty list once, however often it changes; `flush` writes it once, as it is then.
 * WS3  One that comes and goes within an epoch leaves nothing in the changelog, and is not kept until its end.
 * WS4  What a record makes of an accumulator is looked at then: one that its codec cannot hold is that record's fault.
 *
 * In the changelog an accumulator is an entry of kind `m`: name `id`; value: schema u8 · results u32 · records u32 ·
 * start f64 · end f64, then the accumulator by its codec. Of a list that grows (`collect`) the accumulator there is empty, and
 * entries named `id+from` hold its values from `from` on, as many as came in one epoch.
 */
import { type Aggregate, elementOf } from "../dsl/aggregate.ts";
import { assert } from "../errors.ts";
import { type ChangelogKey, mapKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, StateBackend } from "./state-store.ts";
import type { Undoable, UndoLog } from "./undo-log.ts";

const HEAD_BYTES = 1 + 4 + 4 + 8 + 8;
/** So many are worth a pass over the list. */
const GONE_MIN = 4_096;
const NO_HEAD = Buffer.alloc(HEAD_BYTES);

export class Accumulation<Acc> {
  readonly key: string;
  readonly partition: number;
  /** What tells it from others of its key, for good. */
  readonly id: number;
  start: number;
  end: number;
  value: Acc;
  /** Records in it. */
  records = 0;
  /** Results said so far of the window that starts here. */
  results = 0;
  /** False once it is dropped. */
  live = true;
  /** Records in it when it last said an early result. Not kept in checkpoints: a restored window may say one again. */
  recordsAtEarly = 0;
  /** The operator's own: where it keeps this one. */
  place: unknown = undefined;

  // Of `WindowState` alone:
  dirty = false;
  /** Whether the changelog has an entry of it. */
  stored = false;
  /** Where the parts of a list start that the changelog has, and how many values they hold. */
  parts: number[] | undefined = undefined;
  partsEnd = 0;
  savedIn = -1;
  savedStart = 0;
  savedEnd = 0;
  savedRecords = 0;
  savedResults = 0;

  constructor(key: string, partition: number, id: number, start: number, end: number, value: Acc) {
    this.key = key;
    this.partition = partition;
    this.id = id;
    this.start = start;
    this.end = end;
    this.value = value;
  }
}

/** What the operator does to its own structure when one that it added is taken back, or one that it took out returns. */
export interface Holder<Acc> {
  hold(entry: Accumulation<Acc>): void;
  release(entry: Accumulation<Acc>): void;
}

export class WindowState<In, Acc, Out> implements StateBackend, Undoable {
  readonly #name: string;
  readonly #aggregate: Aggregate<In, Acc, Out>;
  readonly #grows: boolean;
  readonly #undo: UndoLog;
  readonly #schemas: SchemaLedger<Acc>;
  /** Of a list that grows: what each of its values has to fit. */
  readonly #element: SchemaLedger<unknown> | undefined;
  readonly #holder: Holder<Acc>;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #dirty: Accumulation<Acc>[] = [];
  /** How many of them have gone and leave nothing (WS3). */
  #gone = 0;
  /** While restoring: by changelog key. */
  readonly #restored = new Map<string, Accumulation<Acc>>();
  /** While restoring: parts of lists, by the changelog key of what they belong to and where they start. */
  readonly #restoredParts = new Map<string, Map<number, unknown[]>>();
  readonly #undoOpen: Undoable;
  readonly #undoDrop: Undoable;

  constructor(name: string, aggregate: Aggregate<In, Acc, Out>, undo: UndoLog, holder: Holder<Acc>) {
    this.#name = name;
    this.#aggregate = aggregate;
    this.#undo = undo;
    this.#holder = holder;
    this.#schemas = new SchemaLedger(name, aggregate.codec);
    const element = elementOf(aggregate);
    this.#grows = element !== undefined;
    this.#element = element && new SchemaLedger<unknown>(name, element);
    this.#undoOpen = {
      takeBack: (entry) => {
        holder.release(entry as Accumulation<Acc>);
        (entry as Accumulation<Acc>).live = false;
      },
    };
    this.#undoDrop = {
      takeBack: (entry) => {
        (entry as Accumulation<Acc>).live = true;
        holder.hold(entry as Accumulation<Acc>);
      },
    };
  }

  /** A new one, with no records; the holder has it from here on. */
  open(key: string, partition: number, id: number, start: number, end: number): Accumulation<Acc> {
    const entry = new Accumulation<Acc>(key, partition, id, start, end, this.#aggregate.create());
    this.#holder.hold(entry);
    this.#undo.note(this.#undoOpen, entry, undefined);
    // Nothing to save for the record that made it.
    entry.savedIn = this.#undo.serial;
    this.#markDirty(entry);
    return entry;
  }

  add(entry: Accumulation<Acc>, value: In, timestamp: number | undefined): void {
    this.change(entry);
    entry.value = this.#aggregate.add(entry.value, value, timestamp);
    if (this.#element) this.#element.check(value);
    else this.#schemas.check(entry.value);
    entry.records++;
  }

  /** `entry` is kept without a record in it. */
  keepEmpty(entry: Accumulation<Acc>): void {
    this.#schemas.check(entry.value);
  }

  /** `entry` takes over what `other` holds; `other`, the later one, is dropped. */
  absorb(entry: Accumulation<Acc>, other: Accumulation<Acc>): void {
    this.change(entry);
    entry.value = this.#aggregate.merge(entry.value, other.value);
    if (!this.#grows) this.#schemas.check(entry.value);
    entry.records += other.records;
    entry.results = Math.max(entry.results, other.results);
    this.drop(other);
  }

  /** To be called before a change of `entry` (WS1). */
  change(entry: Accumulation<Acc>): void {
    const { serial } = this.#undo;
    if (entry.savedIn !== serial) {
      entry.savedIn = serial;
      entry.savedStart = entry.start;
      entry.savedEnd = entry.end;
      entry.savedRecords = entry.records;
      entry.savedResults = entry.results;
      this.#undo.note(this, entry, this.#save(entry.value));
    }
    if (!entry.dirty) this.#markDirty(entry);
  }

  #save(value: Acc): unknown {
    if (this.#grows) return (value as unknown[]).length;
    return this.#aggregate.copy ? this.#aggregate.copy(value) : value;
  }

  drop(entry: Accumulation<Acc>): void {
    entry.live = false;
    this.#holder.release(entry);
    this.#undo.note(this.#undoDrop, entry, undefined);
    if (!entry.dirty) this.#markDirty(entry);
  }

  /** Drops an entry for good, outside of any record; the holder has let go of it. */
  purge(entry: Accumulation<Acc>): void {
    entry.live = false;
    if (!entry.dirty) this.#markDirty(entry);
    if (entry.stored) return;
    this.#gone++;
    if (this.#gone < GONE_MIN || 2 * this.#gone < this.#dirty.length) return;
    this.#dirty = this.#dirty.filter(({ live, stored }) => live || stored);
    this.#gone = 0;
  }

  /** All of `parts` that have records, in one accumulator; `undefined` when none has. */
  merged(parts: readonly Accumulation<Acc>[]): Acc | undefined {
    let all: Acc | undefined;
    let found = 0;
    for (const part of parts) {
      if (part.records === 0) continue;
      found++;
      if (found === 1) all = part.value;
      else if (found === 2 && this.#aggregate.copy)
        all = this.#aggregate.merge(this.#aggregate.copy(all as Acc), part.value);
      else all = this.#aggregate.merge(all as Acc, part.value);
    }
    return all;
  }

  takeBack(changed: unknown, before: unknown): void {
    const entry = changed as Accumulation<Acc>;
    entry.start = entry.savedStart;
    entry.end = entry.savedEnd;
    entry.records = entry.savedRecords;
    entry.results = entry.savedResults;
    if (this.#grows) (entry.value as unknown[]).length = before as number;
    else entry.value = before as Acc;
  }

  #markDirty(entry: Accumulation<Acc>): void {
    entry.dirty = true;
    this.#dirty.push(entry);
  }

  // --- the changelog -------------------------------------------------------------------------------------------------

  get isDirty(): boolean {
    return this.#dirty.length > 0;
  }

  flush(writer: ChangelogWriter): void {
    const head = this.#head;
    for (const entry of this.#dirty) {
      entry.dirty = false;
      const { key, partition, id } = entry;
      if (entry.live) {
        head.writeUInt32LE(entry.results, 1);
        head.writeUInt32LE(entry.records, 5);
        head.writeDoubleLE(entry.start, 9);
        head.writeDoubleLE(entry.end, 17);
        const value = this.#grows ? this.#aggregate.create() : entry.value;
        this.#schemas.write(writer, partition, mapKey(this.#name, key, String(id)), value, head);
        if (this.#grows) this.#flushPart(writer, entry);
        entry.stored = true;
      } else if (entry.stored) {
        entry.stored = false;
        writer.delete(partition, mapKey(this.#name, key, String(id)));
        for (const from of entry.parts ?? [])
          writer.delete(partition, mapKey(this.#name, key, `${id}+${from}`));
      }
    }
    this.#dirty = [];
    this.#gone = 0;
  }

  /** What came to a list since the last epoch. */
  #flushPart(writer: ChangelogWriter, entry: Accumulation<Acc>): void {
    const values = entry.value as unknown[];
    const from = entry.partsEnd;
    if (values.length === from) return;
    const name = mapKey(this.#name, entry.key, `${entry.id}+${from}`);
    this.#schemas.write(writer, entry.partition, name, values.slice(from) as Acc, NO_HEAD);
    entry.parts ??= [];
    entry.parts.push(from);
    entry.partsEnd = values.length;
  }

  restore(key: ChangelogKey, partition: number, value: Buffer | null): void {
    assert(key.kind === "map", () => `a ${key.kind} record in window state ${this.#name}`);
    const plus = key.name.lastIndexOf("+");
    // An id may be as large as 1e+21.
    if (plus >= 0 && key.name[plus - 1] !== "e") {
      this.#restorePart(
        mapKey(this.#name, key.key, key.name.slice(0, plus)),
        Number(key.name.slice(plus + 1)),
        partition,
        value,
      );
      return;
    }
    const id = mapKey(this.#name, key.key, key.name);
    if (value === null) {
      this.#restored.delete(id);
      return;
    }
    const entry = new Accumulation<Acc>(
      key.key,
      partition,
      Number(key.name),
      value.readDoubleLE(9),
      value.readDoubleLE(17),
      this.#schemas.decode(value, partition, HEAD_BYTES),
    );
    entry.results = value.readUInt32LE(1);
    entry.records = value.readUInt32LE(5);
    entry.stored = true;
    this.#restored.set(id, entry);
  }

  #restorePart(id: string, from: number, partition: number, value: Buffer | null): void {
    const parts = this.#restoredParts.get(id) ?? new Map<number, unknown[]>();
    this.#restoredParts.set(id, parts);
    if (value === null) parts.delete(from);
    else parts.set(from, this.#schemas.decode(value, partition, HEAD_BYTES) as unknown[]);
  }

  learnSchema(id: number, schema: string, partition: number): void {
    this.#schemas.learn(id, schema, partition);
  }

  seal(): void {
    for (const [id, entry] of this.#restored) {
      if (this.#grows) this.#putTogether(entry, this.#restoredParts.get(id) ?? new Map());
      this.#holder.hold(entry);
    }
    this.#restored.clear();
    this.#restoredParts.clear();
  }

  #putTogether(entry: Accumulation<Acc>, parts: ReadonlyMap<number, unknown[]>): void {
    entry.parts = [...parts.keys()].sort((a, b) => a - b);
    const values = entry.value as unknown[];
    for (const from of entry.parts) {
      assert(
        from === values.length,
        `window state ${this.#name} of "${entry.key}" lacks a part before ${from}`,
      );
      for (const value of parts.get(from)!) values.push(value);
    }
    entry.partsEnd = values.length;
  }
}
