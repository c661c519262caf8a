/** What building a random job works with: its flow, the streams so far, and what its steps look into. */
import type { Codec } from "../../../schemas/codec.ts";
import type { Flow } from "../../dsl/flow.ts";
import type { BroadcastReference, TableReference } from "../../dsl/process.ts";
import type { Stream, VersionedTable } from "../../dsl/stream.ts";
import { topic } from "../../dsl/topic.ts";
import { V, V2 } from "./value.ts";

export type AnyStream = Stream<V>;

export class Scope {
  readonly flow: Flow;
  /** How values are kept and carried. Input and output topics are always of the first version. */
  readonly codec: Codec<V>;
  readonly #streams = new Map<number, AnyStream>();
  readonly #sources = new Map<string, AnyStream>();
  #table: TableReference<V> | undefined;
  #broadcasts = new Map<boolean, BroadcastReference<V>>();
  #versions: VersionedTable<V> | undefined;

  constructor(flow: Flow, evolved: boolean) {
    this.flow = flow;
    this.codec = evolved ? V2 : V;
  }

  put(id: number, stream: AnyStream | undefined): void {
    if (stream) this.#streams.set(id, stream);
  }

  stream(id: number): AnyStream {
    return this.#streams.get(id)!;
  }

  source(name: string): AnyStream {
    const known = this.#sources.get(name);
    if (known) return known;
    const made = this.flow.from(topic(name, V));
    this.#sources.set(name, made);
    return made;
  }

  get table(): TableReference<V> {
    this.#table ??= this.flow.table(topic("table", V), { keyOf: ({ sub }) => sub });
    return this.#table;
  }

  /** @param timed whether a version holds from its event time on. */
  broadcast(timed: boolean): BroadcastReference<V> {
    const known = this.#broadcasts.get(timed);
    if (known) return known;
    const made = this.flow.broadcast(topic(timed ? "rules-from" : "rules", V), {
      keyOf: ({ k }) => k,
      ...(timed && { activeFrom: ({ t }: V) => t }),
    });
    this.#broadcasts.set(timed, made);
    return made;
  }

  get versions(): VersionedTable<V> {
    this.#versions ??= this.flow.versions(topic("rows", V), { timeOf: ({ t }) => t });
    return this.#versions;
  }
}
