/**
 * The keyed step at work: gives the author's code its state, timers, tables and outputs, for the key at hand.
 *
 * O1  Nothing that the code does to state, timers or outputs outlives a throw: the task rolls back (`UndoLog`, frames).
 * O2  An index is dropped when a record that used it throws: it may have been changed before the throw, and follows from state.
 * O3  At the end of time (MAX_WATERMARK) timers of a key may set further ones ENDLESS_AFTER times: one that sets the next for ever
 *      would never let the job end.
 * O4  There are at most so many indices: they follow from state, and are made anew where they are asked for.
 */

import type { AnyKeyedProcess, FlowNode } from "../dsl/graph.ts";
import { type Context, type SideOutput, type TimeDomain, type Timers, topicOf } from "../dsl/process.ts";
import { JobError } from "../errors.ts";
import { refusePromise, settled } from "../settled.ts";
import type { ChangelogWriter, CurrentKey } from "../state/state-store.ts";
import { MAX_WATERMARK, NO_WATERMARK } from "../time.ts";
import { guardedState } from "./guard.ts";
import { frozenFacade, frozenState } from "./hand-over.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import { emitFor, type Push } from "./record-context.ts";
import type { StageStep } from "./stage-step.ts";
import { type Timer, TimerService } from "./timer-service.ts";

/** O3. */
const ENDLESS_AFTER = 1_000;

const INDICES_MAX = 1 << 16;

export class ProcessOperator implements StageStep {
  readonly name: string;
  readonly timers: { readonly event: TimerService; readonly processing: TimerService };
  readonly #step: AnyKeyedProcess;
  readonly #at: number;
  readonly #runtime: OperatorRuntime;
  readonly #context: Context<unknown, Record<never, never>, Record<never, never>, unknown>;
  readonly #indices = new Map<string, unknown>();
  /** By which key, and in which record, an index was asked for last: that record has noted it (O2). */
  #indexKey: string | undefined;
  #indexSerial = -1;
  readonly #undoIndex = { takeBack: (key: string) => void this.#indices.delete(key) };
  #watermark = NO_WATERMARK;
  /** While timers fire at the end of time: how many further ones they set, by key (O3). */
  #setAtEnd: Map<string, number> | undefined;

  constructor(
    node: Extract<FlowNode, { kind: "process" }>,
    push: Push,
    sides: ReadonlyMap<string, Push>,
    runtime: OperatorRuntime,
  ) {
    const { record } = runtime;
    this.name = node.name;
    this.#at = record.stepId(node.name);
    this.#step = node.step;
    this.#runtime = runtime;
    const current: CurrentKey = record;
    this.timers = {
      event: new TimerService(runtime.storedName(node.name), "event", current, runtime.undo),
      processing: new TimerService(runtime.storedName(node.name), "processing", current, runtime.undo),
    };
    const { handOver } = runtime;
    const facade = (of: unknown) => (handOver ? frozenFacade(handOver, of as object) : of);
    const states = Object.entries(node.step.state ?? {}).map(([name, descriptor]) => {
      const guarded = guardedState(handOver ? frozenState(handOver, descriptor) : descriptor);
      return [name, facade(runtime.state.open(runtime.storedName(node.name, name), guarded))];
    });
    const tables = Object.entries(node.step.tables ?? {}).map(([name, table]) => [
      name,
      facade(runtime.table(topicOf(table))),
    ]);
    const state = Object.fromEntries(states) as Record<never, never>;
    const tablesOfStep = Object.fromEntries(tables) as Record<never, never>;
    const operator = this;
    this.#context = {
      get key() {
        return record.key;
      },
      get timestamp() {
        record.inCall();
        return record.timestamp;
      },
      get ingestMs() {
        record.inCall();
        return record.ingestMs;
      },
      get watermark() {
        record.inCall();
        return operator.#watermark;
      },
      get now() {
        record.inCall();
        return record.nowMs;
      },
      get index() {
        return operator.#index();
      },
      state,
      tables: tablesOfStep,
      timers: this.#timersOfStep(),
      emit(value) {
        emitFor(record, operator.#at, push, value);
      },
      side<V>(output: SideOutput<V>, value: V) {
        const target = sides.get(output.name);
        if (target) emitFor(record, operator.#at, target, value);
        else if (!node.step.sides?.some((side) => side.name === output.name)) {
          throw new JobError(
            `step "${node.name}" gave a value to side output "${output.name}", which it does not declare: add it to the step's sides`,
          );
        }
      },
    };
  }

  process(value: unknown): void {
    this.#runtime.record.at = this.#at;
    refusePromise("process", this.#step.process(value, this.#context));
  }

  seal(watermark: number): void {
    this.#watermark = watermark;
  }

  advance(watermark: number): void {
    this.#watermark = watermark;
    this.#fire("event", watermark);
  }

  tick(nowMs: number): void {
    this.#fire("processing", nowMs);
  }

  nextTickMs(): number {
    return this.timers.processing.next();
  }

  get isDirty(): boolean {
    return this.timers.event.isDirty || this.timers.processing.isDirty;
  }

  flush(writer: ChangelogWriter): void {
    this.timers.event.flush(writer);
    this.timers.processing.flush(writer);
  }

  #fire(domain: TimeDomain, dueMs: number): void {
    const timers = this.timers[domain];
    const { attempt, record } = this.#runtime;
    this.#setAtEnd = domain === "event" && dueMs >= MAX_WATERMARK ? new Map() : undefined;
    const run = (timer: { readonly timeMs: number; readonly domain: TimeDomain }) => {
      record.at = this.#at;
      refusePromise("onTimer", this.#step.onTimer?.(timer, this.#context));
    };
    for (let timer = timers.take(dueMs); timer; timer = timers.take(dueMs)) {
      const { key, partition, timeMs } = timer;
      // The timer is gone whatever its code does: a throw must not fire it for ever.
      if (this.#step.waited) this.#give(timer, this.#step.waited);
      else attempt(key, partition, domain === "event" ? timeMs : undefined, run, { timeMs, domain });
    }
    this.#setAtEnd = undefined;
  }

  /** What waited for a timer leaves, each as a record of its own. */
  #give({ key, partition, timeMs }: Timer, waited: NonNullable<AnyKeyedProcess["waited"]>): void {
    const { attempt, record } = this.#runtime;
    let values: readonly unknown[] = [];
    const take = (at: number) => {
      record.at = this.#at;
      values = waited.take(at, this.#context);
    };
    const give = (value: unknown) => {
      record.at = this.#at;
      waited.give(value, this.#context);
    };
    attempt(key, partition, timeMs, take, timeMs);
    for (const value of values) attempt(key, partition, timeMs, give, value, waited.codec);
  }

  #index(): unknown {
    const { undo, record } = this.#runtime;
    const { key } = record;
    if (key !== this.#indexKey || undo.serial !== this.#indexSerial) {
      undo.note(this.#undoIndex, key, undefined);
      this.#indexKey = key;
      this.#indexSerial = undo.serial;
    }
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const { state, tables } = this.#context;
    const made = settled("index", this.#step.index?.({ key, state, tables }));
    if (this.#indices.size >= INDICES_MAX) this.#indices.clear(); // O4
    this.#indices.set(key, made);
    return made;
  }

  #timersOfStep(): Timers {
    const declared = new Set(this.#step.timers ?? []);
    const of = (domain: TimeDomain, service: TimerService): TimerService => {
      if (!declared.has(domain)) {
        throw new JobError(
          `step "${this.name}" sets a timer in ${domain} time, which it does not declare: add "${domain}" to its timers`,
        );
      }
      return service;
    };
    return {
      onEventTime: (timeMs) => {
        const timers = of("event", this.timers.event);
        if (this.#setAtEnd) endless(this.#setAtEnd, this.#runtime.record.key);
        timers.set(timerTime("onEventTime", timeMs));
      },
      onProcessingTime: (timeMs) =>
        of("processing", this.timers.processing).set(timerTime("onProcessingTime", timeMs)),
      deleteEventTime: (timeMs) => of("event", this.timers.event).delete(timeMs),
      deleteProcessingTime: (timeMs) => of("processing", this.timers.processing).delete(timeMs),
    };
  }
}

/** Event time may be before 0, where it is a race's day's; the clock is not. */
function timerTime(what: "onEventTime" | "onProcessingTime", timeMs: unknown): number {
  if (Number.isSafeInteger(timeMs) && (what === "onEventTime" || (timeMs as number) >= 0))
    return (timeMs as number) + 0; // -0 is 0, as it is after a restart.
  const least = what === "onEventTime" ? "" : ", 0 or more";
  throw new Error(`timers.${what}(${String(timeMs)}): a timer's time is whole milliseconds${least}`);
}

/** O3. */
function endless(setAtEnd: Map<string, number>, key: string): void {
  const times = (setAtEnd.get(key) ?? 0) + 1;
  setAtEnd.set(key, times);
  if (times > ENDLESS_AFTER)
    throw new Error(
      `at the end of time, timers of this key set a further one for the ${times}th time: they would never end`,
    );
}
