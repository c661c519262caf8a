/**
 * A broadcast as a task knows it: every task reads all of the topic and keeps its content in its checkpoints, so that after a
 * crash records meet what they met before.
 *
 * B1  What is in force is a matter of event time: a version holds from `activeFrom` on, until the next one of its key. A later
 *     record of the topic counts for all times from its `activeFrom` on, whatever earlier ones said of them.
 * B2  Versions that no record can meet that is not late are dropped when the next one of their key comes. The oldest one left
 *     then stands for all time before.
 * B3  Every changelog partition of the task holds all of it: so a partition can move to another slot. Where copies differ after
 *     that, they are put together by offset, which gives what the furthest of them knew.
 */
import type { Codec } from "../../schemas/codec.ts";
import type { Broadcast } from "../dsl/process.ts";
import { assert } from "../errors.ts";
import { checkKey } from "../kafka/key.ts";
import { NO_WATERMARK } from "../time.ts";
import { type ChangelogKey, mapKey } from "./changelog-key.ts";
import { SchemaLedger } from "./schema-ledger.ts";
import type { ChangelogWriter, Current, StateBackend } from "./state-store.ts";

const HEAD_BYTES = 1 + 8;

interface Version<V> {
  readonly key: string;
  readonly offset: number;
  activeFromMs: number;
  /** `undefined`: deleted. */
  readonly value: V | undefined;
}

/** What is in force from `fromMs` until before `untilMs`. */
interface InForce<V> {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly version: number;
  readonly values: ReadonlyMap<string, V>;
  readonly versions: ReadonlyMap<string, number>;
}

export const broadcastStateName = (topic: string): string => `@broadcast.${topic}`;

export class BroadcastState<V> implements StateBackend {
  readonly facade: Broadcast<V>;
  /** The next offset to read. */
  next = -1;
  readonly #topic: string;
  readonly #name: string;
  readonly #current: Current;
  readonly #partitions: readonly number[];
  readonly #schemas: SchemaLedger<V[]>;
  /** Of each key, `offset` and `activeFromMs` both rising. */
  readonly #keys = new Map<string, Version<V>[]>();
  /** By changelog key; `undefined`: to be removed there. */
  readonly #dirty = new Map<string, Version<V> | undefined>();
  readonly #restored = new Map<number, Version<V>>();
  #inForce: InForce<V> | undefined;

  constructor(topic: string, stored: Codec<V[]>, current: Current, partitions: readonly number[]) {
    this.#topic = topic;
    this.#name = broadcastStateName(topic);
    this.#current = current;
    this.#partitions = partitions;
    this.#schemas = new SchemaLedger(this.#name, stored);
    const now = () => this.#now();
    this.facade = {
      get: (key) => now().values.get(key),
      entries: () => now().values.entries(),
      versionOf: (key) => now().versions.get(key),
      get version() {
        return now().version;
      },
    };
  }

  /** A record of the topic. @param value `undefined`: deletes the key. */
  apply(key: string, value: V | undefined, activeFromMs: number, offset: number): void {
    checkKey(`broadcast "${this.#topic}": the record has`, key);
    const versions = this.#keys.get(key) ?? [];
    this.#keys.set(key, versions);
    // B1
    while (versions.length > 0 && versions.at(-1)!.activeFromMs >= activeFromMs) this.#drop(versions.pop()!);
    const version = { key, offset, activeFromMs, value };
    versions.push(version);
    this.#dirty.set(this.#id(version), version);
    this.#prune(versions);
    this.#inForce = undefined;
  }

  /** B2. */
  #prune(versions: Version<V>[]): void {
    const { watermark } = this.#current;
    while (versions.length > 1 && versions[1]!.activeFromMs <= watermark) {
      this.#drop(versions.shift()!);
      const oldest = versions[0]!;
      oldest.activeFromMs = NO_WATERMARK;
      this.#dirty.set(this.#id(oldest), oldest);
    }
  }

  #drop(version: Version<V>): void {
    this.#dirty.set(this.#id(version), undefined);
  }

  #id({ key, offset }: Version<V>): string {
    return mapKey(this.#name, key, String(offset));
  }

  /** What is in force at the time of the record or timer at hand; without one, at the watermark. */
  #now(): InForce<V> {
    const { timestamp, watermark } = this.#current;
    const timeMs = timestamp ?? watermark;
    const known = this.#inForce;
    if (known && known.fromMs <= timeMs && timeMs < known.untilMs) return known;
    const values = new Map<string, V>();
    const numbers = new Map<string, number>();
    let fromMs = NO_WATERMARK;
    let untilMs = Number.POSITIVE_INFINITY;
    let newest = 0;
    for (const [key, versions] of this.#keys) {
      let active: Version<V> | undefined;
      for (const version of versions) {
        if (version.activeFromMs <= timeMs) active = version;
        else {
          untilMs = Math.min(untilMs, version.activeFromMs);
          break;
        }
      }
      if (!active) continue;
      fromMs = Math.max(fromMs, active.activeFromMs);
      newest = Math.max(newest, active.offset + 1);
      if (active.value === undefined) continue;
      values.set(key, active.value);
      numbers.set(key, active.offset + 1);
    }
    this.#inForce = { fromMs, untilMs, version: newest, values, versions: numbers };
    return this.#inForce;
  }

  // --- the changelog: kind `m`, key and offset; schema u8 · activeFrom f64 · the value in a list, empty when deleted ----

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  flush(writer: ChangelogWriter): void {
    const head = Buffer.alloc(HEAD_BYTES);
    for (const [id, version] of this.#dirty) {
      for (const partition of this.#partitions) {
        if (!version) {
          writer.delete(partition, id);
          continue;
        }
        head.writeDoubleLE(version.activeFromMs, 1);
        const value = version.value === undefined ? [] : [version.value];
        this.#schemas.write(writer, partition, id, value, head);
      }
    }
    this.#dirty.clear();
  }

  restore(key: ChangelogKey, partition: number, bytes: Buffer | null): void {
    assert(key.kind === "map", () => `a ${key.kind} record in broadcast ${this.#name}`);
    const offset = Number(key.name);
    if (bytes === null) {
      // Another partition's copy may have been further behind: what supersedes it says so again (B3).
      this.#restored.delete(offset);
      return;
    }
    const [value] = this.#schemas.decode(bytes, partition, HEAD_BYTES);
    this.#restored.set(offset, { key: key.key, offset, activeFromMs: bytes.readDoubleLE(1), value });
  }

  learnSchema(id: number, schema: string, partition: number): void {
    this.#schemas.learn(id, schema, partition);
  }

  seal(): void {
    for (const { key, offset, activeFromMs, value } of [...this.#restored.values()].sort(
      (a, b) => a.offset - b.offset,
    ))
      this.apply(key, value, activeFromMs, offset);
    this.#restored.clear();
  }
}
