/** What the keyed steps of a section remember at the end: state by (state, key, name), and timers. */
import type { TimeDomain } from "../../dsl/process.ts";
import type { StateDescriptor } from "../../dsl/state.ts";
import type { Section } from "./section.ts";
import type { Entry } from "./state.ts";
import { timersName } from "./timers.ts";

export interface RememberedEntry extends Entry {
  readonly key: string;
  /** Of a map's entry its name, of a list's value its place. */
  readonly name: string;
  /** Event time that its task has come to. */
  readonly watermark: number;
}

export interface RememberedTimer {
  readonly step: string;
  readonly domain: TimeDomain;
  readonly timeMs: number;
  readonly key: string;
}

export class Remembered {
  readonly #tasks: readonly Section[];

  constructor(tasks: readonly Section[]) {
    this.#tasks = tasks;
  }

  /** @param state `STEP.STATE` */
  entries(state: string, kind: StateDescriptor["kind"]): RememberedEntry[] {
    return this.#tasks.flatMap(({ memory, watermark }) =>
      memory
        .all<unknown>(state)
        .flatMap(([key, cell]) =>
          parts(cell, kind).map(([name, entry]): RememberedEntry => ({ ...entry, key, name, watermark })),
        ),
    );
  }

  timers(): RememberedTimer[] {
    return this.#tasks.flatMap(({ memory, nodes }) =>
      nodes.nodes.flatMap((node) => {
        if (node.kind !== "process") return [];
        return (["event", "processing"] as const).flatMap((domain) =>
          memory
            .all<ReadonlyMap<number, number>>(timersName(node.name, domain))
            .flatMap(([key, times]) =>
              [...times.keys()].map((timeMs): RememberedTimer => ({ step: node.name, domain, timeMs, key })),
            ),
        );
      }),
    );
  }
}

function parts(cell: unknown, kind: StateDescriptor["kind"]): [name: string, entry: Entry][] {
  if (kind === "map") return [...(cell as ReadonlyMap<string, Entry>)];
  if (kind !== "list") return [["", cell as Entry]];
  const values = cell as readonly unknown[];
  return values.map((value, index) => [String(index), { value, deadlineMs: Number.POSITIVE_INFINITY }]);
}
