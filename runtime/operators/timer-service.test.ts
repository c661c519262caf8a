import { describe, expect, it } from "vitest";
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
});
