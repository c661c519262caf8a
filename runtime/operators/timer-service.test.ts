import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChangelogKey, parseChangelogKey } from "../state/changelog-key.ts";
import { UndoLog } from "../state/undo-log.ts";
import { TimerService } from "./timer-service.ts";

function timers() {
  const current = { key: "a", partition: 0 };
  const undo = new UndoLog();
  const service = new TimerService("step", "event", current, undo);
  const set = (key: string, timeMs: number) => {
    current.key = key;
    service.set(timeMs);
  };
  const remove = (key: string, timeMs: number) => {
    current.key = key;
    service.delete(timeMs);
  };
  const due = (timeMs: number) => {
    const fired: string[] = [];
    for (let timer = service.take(timeMs); timer; timer = service.take(timeMs))
      fired.push(`${timer.key}@${timer.timeMs}`);
    return fired;
  };
  const flushed = () => {
    const written: [string, boolean][] = [];
    const note = (present: boolean) => (_partition: number, key: string) =>
      written.push([key.split("\0").slice(2).join(" "), present]);
    service.flush({ put: note(true), putBytes: note(true), delete: note(false) });
    return written;
  };
  return { service, undo, set, remove, due, flushed };
}

describe("timers", () => {
  it("fire by time, then key, once, whatever the order they were set in", () => {
    const { set, due } = timers();
    for (const [key, timeMs] of [
      ["b", 5],
      ["c", 1],
      ["a", 5],
      ["b", 5],
      ["d", 9],
    ] as const)
      set(key, timeMs);
    expect(due(5)).toEqual(["c@1", "a@5", "b@5"]);
    expect(due(9)).toEqual(["d@9"]);
  });

  it("that are deleted do not fire, and fire once when set again", () => {
    const { set, remove, due } = timers();
    set("a", 5);
    remove("a", 5);
    set("a", 5);
    set("b", 5);
    remove("b", 5);
    expect(due(10)).toEqual(["a@5"]);
  });

  it("are as before the record when it is undone", () => {
    const { service, undo, set, remove, due } = timers();
    set("a", 1);
    set("b", 2);
    undo.clear();
    service.take(1);
    remove("b", 2);
    set("c", 3);
    undo.rollback();
    expect(due(10)).toEqual(["a@1", "b@2"]);
  });

  it("write what changed since the last flush", () => {
    const { service, set, flushed } = timers();
    set("a", 1);
    set("b", 2);
    expect(flushed()).toEqual([
      ["e1 a", true],
      ["e2 b", true],
    ]);
    service.take(1);
    expect(flushed()).toEqual([["e1 a", false]]);
    expect(flushed()).toEqual([]);
  });

  it("that come and go within an epoch leave nothing, in memory or in the changelog (T3, T4)", () => {
    const { service, undo, set, remove, flushed } = timers();
    set("kept", 7);
    flushed();
    for (let timeMs = 0; timeMs < 10_000; timeMs++) {
      set("a", timeMs);
      undo.clear();
      remove("a", timeMs);
      undo.clear();
    }
    expect(service.size).toBe(1);
    // One that the changelog has, and that is set again.
    remove("kept", 7);
    set("kept", 7);
    expect(flushed()).toEqual([]);
    remove("kept", 7);
    expect(flushed()).toEqual([["e7 kept", false]]);
    expect(service.size).toBe(0);
  });

  it("hold one timer of a step that sets its only one anew with each record", () => {
    const { service, undo, set, remove } = timers();
    for (let timeMs = 0; timeMs < 10_000; timeMs++) {
      remove("a", timeMs + 3_599_999);
      set("a", timeMs + 3_600_000);
      undo.clear();
      expect(service.size).toBe(1);
    }
  });

  it("are what a plain set of them is, whatever is set, deleted, fired, undone, written and restored", () => {
    const key = fc.constantFrom("a", "b", "c\0");
    const time = fc.nat(6);
    const change = fc.record({ do: fc.constantFrom("set" as const, "delete" as const), key, time });
    const act = fc.oneof(
      fc.record({
        do: fc.constant("record" as const),
        changes: fc.array(change, { maxLength: 4 }),
        throws: fc.boolean(),
      }),
      fc.record({ do: fc.constant("fire" as const), time, throws: fc.boolean() }),
      fc.constant({ do: "flush" as const }),
      fc.constant({ do: "restart" as const }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        let { service, undo, set, remove } = timers();
        let model = new Set<string>();
        let committed = new Set<string>();
        const changelog = new Map<string, boolean>();
        const order = (all: Iterable<string>) =>
          [...all].sort((a, b) => Number(a.split("@")[1]) - Number(b.split("@")[1]) || (a < b ? -1 : 1));
        for (const act of acts) {
          const before = new Set(model);
          if (act.do === "record") {
            for (const { do: what, key, time } of act.changes) {
              (what === "set" ? set : remove)(key, time);
              if (what === "set") model.add(`${key}@${time}`);
              else model.delete(`${key}@${time}`);
            }
          } else if (act.do === "fire") {
            const [first] = order(model);
            const taken = service.take(act.time);
            const isDue = first !== undefined && Number(first.split("@")[1]) <= act.time;
            expect(taken && `${taken.key}@${taken.timeMs}`).toBe(isDue ? first : undefined);
            if (isDue) model.delete(first);
          } else if (act.do === "flush") {
            const write = (present: boolean) => (_partition: number, id: string) => {
              expect(changelog.get(id) ?? false).not.toBe(present);
              changelog.set(id, present);
            };
            service.flush({ put: write(true), putBytes: write(true), delete: write(false) });
            committed = new Set(model);
          } else {
            ({ service, undo, set, remove } = timers());
            for (const [id, present] of changelog) {
              const { timeMs, key } = parseChangelogKey(id) as Extract<ChangelogKey, { kind: "timer" }>;
              service.restore(timeMs, key, 0, present);
            }
            model = new Set(committed);
          }
          if ("throws" in act && act.throws) {
            undo.rollback();
            model = before;
          } else undo.clear();
          expect(service.next()).toBe(Number(order(model)[0]?.split("@")[1] ?? Number.POSITIVE_INFINITY));
        }
        const fired: string[] = [];
        for (let timer = service.take(10); timer; timer = service.take(10))
          fired.push(`${timer.key}@${timer.timeMs}`);
        expect(fired).toEqual(order(model));
      }),
      { numRuns: 500 },
    );
  });
});
