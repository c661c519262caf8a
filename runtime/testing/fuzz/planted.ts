/**
 * Bugs put into the runtime on purpose, to check that random jobs find them: each of a kind that it has had. Each is a few words of
 * the runtime's text that are replaced as the text is loaded, in a process of its own: the runtime itself knows nothing of them, and
 * pays nothing for them. What is replaced has to be there, once: a bug that fits no more is found by its test, and written anew.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

interface Edit {
  /** Below `runtime/`. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

export interface Planted {
  readonly about: string;
  readonly edits: readonly Edit[];
}

const RUNTIME = join(import.meta.dirname, "../..");

export const PLANTED: Readonly<Record<string, Planted>> = {
  "timestamps-leak": {
    about: "a branch with .timestamps leaves its time to the branch beside it",
    edits: [{ file: "operators/timestamps.ts", find: "    record.timestamp = before; // RC1\n", put: "" }],
  },
  "key-leak": {
    about: "a branch with .keyBy leaves its key to the branch beside it",
    edits: [{ file: "operators/key-by.ts", find: "    record.key = before; // RC1\n", put: "" }],
  },
  "endless-watermark": {
    about: "Infinity as a watermark is a number like any other: the loop over ends of windows never ends",
    edits: [
      {
        file: "operators/watermark.ts",
        find: "return Math.min(Math.floor(said), MAX_WATERMARK);",
        put: "return said;",
      },
      {
        file: "exchange/watermark-valve.ts",
        find: "now = MAX_WATERMARK;",
        put: "now = Number.POSITIVE_INFINITY;",
      },
    ],
  },
  "stage-name": {
    about: "a stage is named after its first keyed step, whatever it was called before",
    edits: [
      { file: "graph/placement.ts", find: "    names[index] = old; // N1\n    taken.add(old);\n", put: "" },
      {
        file: "graph/placement.ts",
        find: "new Set([...taken, ...before.stages.map(({ name }) => name)])",
        put: "new Set(taken)",
      },
    ],
  },
  "one-channel": {
    about: "all watermarks over one topic share a channel",
    edits: [
      {
        file: "worker/input-partition.ts",
        find: "name: watermarks.length === 1 ? partition : name,",
        put: "name: partition,",
      },
    ],
  },
  "untimed-in-union": {
    about: "a union in which a part has no time passes for one that has",
    edits: [
      {
        file: "graph/validate.ts",
        find: "  if (every.has(node)) return;\n  if (!some.has(node))",
        put: "  if (some.has(node)) return;\n  if (!some.has(node))",
      },
    ],
  },
  "timer-at-no-time": {
    about: "a timer may be set at NaN or at half a millisecond",
    edits: [
      {
        file: "operators/process.ts",
        find: 'timers.set(timerTime("onEventTime", timeMs));',
        put: "timers.set(timeMs);",
      },
    ],
  },
  "disorder-unchecked": {
    about: "a watermark's disorder may be NaN or negative",
    edits: [
      {
        file: "dsl/watermark.ts",
        find: 'duration("a watermark\'s disorderMax", options.disorderMax, 0)',
        put: "options.disorderMax",
      },
    ],
  },
  "half-a-character": {
    about: "a key may be cut within a character: it is another one after a restart",
    edits: [{ file: "kafka/key.ts", find: "if (!key.isWellFormed())", put: "if (key === undefined)" }],
  },
  "table-by-kafka-key": {
    about: "a table's rows stand under their Kafka keys, whatever keyOf says",
    edits: [
      {
        file: "worker/side-inputs.ts",
        find: "const name = source.keyOf(value);",
        put: "const name = kafkaKey;",
      },
    ],
  },
  "session-not-taken-back": {
    about: "a session that becomes part of an earlier one leaves its result standing",
    edits: [
      {
        file: "operators/windows/session-windows.ts",
        find: "        this.#takeBack(session);\n",
        put: "        void session;\n",
      },
    ],
  },
  "ttl-behind": {
    about: "what has outlived its time to live goes more slowly than it comes",
    edits: [
      {
        file: "state/expiring-state.ts",
        find: "const budget = EXPIRED_A_TURN + 2 * this.#written;",
        put: "const budget = this.#written > 0 ? 0 : 1;",
      },
    ],
  },
  "state-unchecked": {
    about: "a value that its state cannot hold is found at the end of the epoch, and stops the task",
    edits: [{ file: "state/heap-value-state.ts", find: "        this.#schemas.check(value);\n", put: "" }],
  },
  "deleted-timers-stay": {
    about: "a timer that is deleted before anybody wrote it leaves a tombstone",
    edits: [
      {
        file: "operators/timer-service.ts",
        find: "if (isSet === entry.stored) this.#dirty.delete(entry);\n    else this.#dirty.add(entry);",
        put: "this.#dirty.add(entry);",
      },
    ],
  },
  "exchange-without-schema": {
    about: "what lies in an exchange is read as this version of the job would write it",
    edits: [
      {
        file: "exchange/exchange-schemas.ts",
        find: "    if (fingerprint === this.#present) return this.#codec;\n",
        put: "    if (fingerprint !== 0) return this.#codec;\n",
      },
    ],
  },
  "async-allowed": {
    about: "a step may be async: what it does after its first await is nobody's",
    edits: [
      { file: "graph/validate.ts", find: "checkFunctions(", put: "((..._unchecked: unknown[]) => {})(" },
    ],
  },
  "time-of-what-is-set-apart": {
    about: "a record that is set apart moves event time all the same",
    edits: [
      {
        file: "worker/task.ts",
        find: "this.#eventTime.settle(input, false);",
        put: "this.#eventTime.settle(input, true);",
      },
    ],
  },
  "fed-by-itself": {
    about: "a stage that feeds itself is not found before anything runs",
    edits: [
      {
        file: "graph/plan.ts",
        find: "!stage.inputs.some(waitsFor)",
        put: "!stage.inputs.some((input) => input.upstream !== stage.name && waitsFor(input))",
      },
    ],
  },
};

export type BugName = string;

/** To be called before anything of the runtime is loaded. @throws Error when the bug does not fit any more. */
export function plant(name: BugName): void {
  const texts = planted(name);
  registerHooks({
    load(url, context, next) {
      const source = texts.get(url);
      return source === undefined
        ? next(url, context)
        : { format: "module-typescript", source, shortCircuit: true };
    },
  });
}

/** Whether what a bug replaces is there. */
export function fits(name: BugName): boolean {
  return planted(name).size > 0;
}

/** Texts of the runtime's files with the bug in them, by URL. */
function planted(name: BugName): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, put } of PLANTED[name]!.edits) {
    const path = join(RUNTIME, file);
    const url = pathToFileURL(path).href;
    const text = texts.get(url) ?? readFileSync(path, "utf8");
    if (text.split(find).length !== 2)
      throw new Error(
        `bug "${name}" does not fit runtime/${file} any more: ${JSON.stringify(find)} is not there once`,
      );
    texts.set(
      url,
      text.replace(find, () => put),
    );
  }
  return texts;
}
