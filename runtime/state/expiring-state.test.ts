/** How much a state with a time to live holds, and how much work it does: counted, not timed. What it means: time-to-live.test.ts. */
import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import type { MapState } from "../dsl/state.ts";
import { ExpiringState } from "./expiring-state.ts";
import { UndoLog } from "./undo-log.ts";

const AFTER = 10_000;

function state() {
  const current = { key: "k", partition: 0, timestamp: 0, watermark: 0, nowMs: 0 };
  const undo = new UndoLog();
  const ttl = { after: AFTER, time: "event" } as const;
  const store = new ExpiringState("map", "step.s", codecOf<number>("n", "int"), ttl, current, undo);
  const entries = store.facade as MapState<number>;
  store.seal();
  const held = new Set<string>();
  const flush = () =>
    store.flush({
      put: (_partition, key) => held.add(key),
      putBytes: () => {},
      delete: (_partition, key) => held.delete(key),
    });
  /** Records of one time, then the turn's end, as a task does. */
  const turn = (atMs: number, record: (entries: MapState<number>) => void) => {
    current.timestamp = atMs;
    record(entries);
    undo.clear();
    current.watermark = atMs;
    store.expire(atMs, atMs);
    flush();
  };
  return { turn, held, store };
}

describe("state with a time to live", () => {
  it.each([1_000, 20_000])(
    "holds what came within its life, however much comes in a turn (%d entries)",
    (each) => {
      const { turn, held } = state();
      for (let round = 0; round < 10; round++) {
        turn(round * 10 * AFTER, (entries) => {
          for (let i = 0; i < each; i++) entries.put(`${round}/${i}`, i);
        });
        expect(held.size).toBeLessThanOrEqual(2 * each);
      }
    },
  );

  it("lets go of a backlog a bounded number a turn while nothing comes", () => {
    const { turn, held } = state();
    turn(0, (entries) => {
      for (let i = 0; i < 5_000; i++) entries.put(`${i}`, i);
    });
    for (const left of [4_000, 3_000, 2_000, 1_000, 0]) {
      turn(100 * AFTER, () => {});
      expect(held.size).toBe(left);
    }
  });

  it("keeps nothing in memory of entries that are deleted long before their time", () => {
    const { turn, held, store } = state();
    for (let round = 0; round < 40; round++) {
      turn(round, (entries) => {
        for (let i = 0; i < 5_000; i++) {
          entries.put(`${round}/${i}`, i);
          entries.delete(`${round}/${i}`);
        }
      });
      expect(held.size).toBe(0);
      expect(store.waiting).toBeLessThan(10_000);
    }
    turn(100 * AFTER, (entries) => entries.put("x", 1));
    turn(200 * AFTER, () => {});
    expect([held.size, store.waiting]).toEqual([0, 0]);
  });
});
