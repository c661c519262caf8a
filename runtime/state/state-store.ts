/**
 * The states of one task, on the heap, and what changed in them since the last epoch.
 *
 * H1  Every change is in the dirty set until `flush` has written it; `flush` writes each changed entry once, as it is then.
 * H2  Every change pushes its undo before it happens; undoing leaves the entry dirty, which writes its old value again:
 *     harmless, and cheaper than to know better.
 */

import type { Codec } from "../../schemas/codec.ts";
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  StateDescriptor,
  StateOptions,
  ValueState,
} from "../dsl/state.ts";
import { assert } from "../errors.ts";
import type { ChangelogKey } from "./changelog-key.ts";
import { ExpiringState } from "./expiring-state.ts";
import { HeapListState } from "./heap-list-state.ts";
import { HeapMapState } from "./heap-map-state.ts";
import { HeapValueState } from "./heap-value-state.ts";
import type { UndoLog } from "./undo-log.ts";

/** Whose state is meant: set by the runtime before each record and timer. */
export interface CurrentKey {
  key: string;
  /** Partition of the changelog that the key belongs to. */
  partition: number;
}

/** What time it is for the record or timer at hand, and for the task. */
export interface CurrentTime {
  readonly timestamp: number | undefined;
  readonly watermark: number;
  readonly nowMs: number;
}

export type Current = CurrentKey & CurrentTime;

/** Takes changelog records, each into a partition of the changelog. */
export interface ChangelogWriter {
  /** `prefix`, then `value` by `codec`. */
  put<T>(partition: number, key: string, prefix: Uint8Array, codec: Codec<T>, value: T): void;
  putBytes(partition: number, key: string, value: Uint8Array): void;
  delete(partition: number, key: string): void;
}

/** What every kind of state does for the store. */
export interface StateBackend {
  restore(
    key: Extract<ChangelogKey, { kind: "value" | "map" }>,
    partition: number,
    value: Buffer | null,
  ): void;
  learnSchema(id: number, schema: string, partition: number): void;
  /** After the restore, before the first record. */
  seal(): void;
  /** Time has come so far: state with a time to live lets go of what is over, a bounded number of entries each time. */
  expire?(watermark: number, nowMs: number): void;
  /** Whether `flush` would write anything. */
  readonly isDirty: boolean;
  flush(writer: ChangelogWriter): void;
}

export class StateStore {
  readonly #states = new Map<string, StateBackend>();
  readonly #expiring: StateBackend[] = [];
  readonly #current: Current;
  readonly #undo: UndoLog;

  constructor(current: Current, undo: UndoLog) {
    this.#current = current;
    this.#undo = undo;
  }

  /** Makes a state of a step; what the step's context shows. @param full its name in the changelog. */
  open(full: string, descriptor: StateDescriptor): unknown {
    switch (descriptor.kind) {
      case "list": {
        const backend = new HeapListState(full, descriptor.codec, this.#current, this.#undo);
        this.adopt(full, backend);
        return backend.facade;
      }
      case "map":
        return this.#entries("map", full, descriptor);
      case "value":
        return this.#entries("value", full, descriptor);
      case "aggregating":
        return aggregating(this.#entries("value", full, descriptor) as ValueState<unknown>, descriptor);
    }
  }

  #entries(
    kind: "value" | "map",
    full: string,
    { codec, ttl }: StateOptions & { codec: Codec<unknown> },
  ): unknown {
    const Heap = kind === "value" ? HeapValueState : HeapMapState;
    const backend = ttl
      ? new ExpiringState(kind, full, codec, ttl, this.#current, this.#undo)
      : new Heap(full, codec, this.#current, this.#undo);
    this.adopt(full, backend);
    return backend.facade;
  }

  /** Takes in a state of an operator's own, such as that of windows, under its name in the changelog. */
  adopt(full: string, backend: StateBackend): void {
    assert(!this.#states.has(full), `state ${full} opened twice`);
    this.#states.set(full, backend);
    if (backend.expire) this.#expiring.push(backend);
  }

  /** Lets go of what is over. Between records. */
  expire(watermark: number, nowMs: number): void {
    for (const state of this.#expiring) state.expire!(watermark, nowMs);
  }

  /** One record of the changelog, in its order. Content of a state that the job no longer has is left aside. */
  restore(
    key: Extract<ChangelogKey, { kind: "value" | "map" | "schema" }>,
    partition: number,
    value: Buffer | null,
  ): void {
    const state = this.#states.get(key.state);
    if (!state) return;
    if (key.kind === "schema") state.learnSchema(key.id, value!.toString("utf8"), partition);
    else state.restore(key, partition, value);
  }

  get isDirty(): boolean {
    for (const state of this.#states.values()) if (state.isDirty) return true;
    return false;
  }

  seal(): void {
    for (const state of this.#states.values()) state.seal();
  }

  flush(writer: ChangelogWriter): void {
    for (const state of this.#states.values()) state.flush(writer);
  }
}

function aggregating<In, Acc>(
  value: ValueState<Acc>,
  { first, add }: AggregatingStateDescriptor<In, Acc>,
): AggregatingState<In, Acc> {
  return {
    get: value.get,
    add: (next) => {
      const before = value.get();
      value.put(before === undefined ? first(next) : add(before, next));
    },
    clear: value.clear,
  };
}
