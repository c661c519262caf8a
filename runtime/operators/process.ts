/**
 * The keyed step at work: gives the author's code its state, timers, tables and outputs, for the key at hand.
 *
 * O1  Nothing that the code does to state, timers or outputs outlives a throw: the task rolls back (`UndoLog`, frames).
 * O2  An index is dropped when a record of its key throws: it may have been changed before the throw, and follows from state.
 */
import type { Context, SideOutput, TimeDomain, Timers } from "../dsl/process.ts";
import type { AnyKeyedProcess, FlowNode } from "../dsl/stream.ts";
import { JobError } from "../errors.ts";
import type { CurrentKey } from "../state/state-store.ts";
import type { OperatorRuntime } from "./operator-runtime.ts";
import type { Push } from "./record-context.ts";
import { type Timer, TimerService } from "./timer-service.ts";

export class ProcessOperator {
  readonly name: string;
  readonly eventTimers: TimerService;
  readonly processingTimers: TimerService;
  readonly #step: AnyKeyedProcess;
  readonly #runtime: OperatorRuntime;
  readonly #context: Context<unknown, Record<never, never>, Record<never, never>, unknown>;
  readonly #indices = new Map<string, unknown>();

  constructor(
    node: Extract<FlowNode, { kind: "process" }>,
    push: Push,
    sides: ReadonlyMap<string, Push>,
    runtime: OperatorRuntime,
  ) {
    const { record } = runtime;
    this.name = node.name;
    this.#step = node.step;
    this.#runtime = runtime;
    const current: CurrentKey = record;
    this.eventTimers = new TimerService(node.name, "event", current, runtime.undo);
    this.processingTimers = new TimerService(node.name, "processing", current, runtime.undo);
    const states = Object.entries(node.step.state ?? {}).map(([name, descriptor]) => [
      name,
      runtime.state.open(node.name, name, descriptor),
    ]);
    const tables = Object.entries(node.step.tables ?? {}).map(([name, table]) => [
      name,
      runtime.table(table.tableTopic),
    ]);
    const state = Object.fromEntries(states) as Record<never, never>;
    const tablesOfStep = Object.fromEntries(tables) as Record<never, never>;
    const operator = this;
    this.#context = {
      get key() {
        return record.key;
      },
      get timestamp() {
        return record.timestamp;
      },
      get watermark() {
        return record.watermark;
      },
      get now() {
        return record.nowMs;
      },
      get index() {
        return operator.#index();
      },
      state,
      tables: tablesOfStep,
      timers: this.#timers(),
      emit(value) {
        push(value);
        record.step = operator.name;
      },
      side<V>(output: SideOutput<V>, value: V) {
        const target = sides.get(output.name);
        if (target) target(value);
        else if (!node.step.sides?.some((side) => side.name === output.name)) {
          throw new JobError(
            `step "${node.name}" gave a value to side output "${output.name}", which it does not declare: add it to the step's sides`,
          );
        }
        record.step = operator.name;
      },
    };
  }

  process(value: unknown): void {
    this.#runtime.record.step = this.name;
    this.#step.process(value, this.#context);
  }

  /** The caller has set the record context to the timer's key and partition. */
  fire(timer: Timer, domain: TimeDomain): void {
    this.#runtime.record.step = this.name;
    this.#step.onTimer?.({ timeMs: timer.timeMs, domain }, this.#context);
  }

  /** After a throw (O2). */
  forgetIndex(key: string): void {
    this.#indices.delete(key);
  }

  #index(): unknown {
    const { key } = this.#runtime.record;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const made = this.#step.index?.({ key, state: this.#context.state, tables: this.#context.tables });
    this.#indices.set(key, made);
    return made;
  }

  #timers(): Timers {
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
      onEventTime: (timeMs) => of("event", this.eventTimers).set(timeMs),
      onProcessingTime: (timeMs) => of("processing", this.processingTimers).set(timeMs),
      deleteEventTime: (timeMs) => of("event", this.eventTimers).delete(timeMs),
      deleteProcessingTime: (timeMs) => of("processing", this.processingTimers).delete(timeMs),
    };
  }
}
