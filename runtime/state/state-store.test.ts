import { describe, expect, it } from "vitest";
import { codecOf } from "../../schemas/codec.ts";
import { type MapState, mapState, type ValueState, valueState } from "../dsl/state.ts";
import { parseChangelogKey } from "./changelog-key.ts";
import { StateStore } from "./state-store.ts";
import { UndoLog } from "./undo-log.ts";

interface Runner {
  bib: string;
  country?: string;
}
const field = (name: string, rest: object = {}) => ({ name, type: "string", ...rest });
const RunnerV1 = codecOf<Runner>("runner", { type: "record", name: "Runner", fields: [field("bib")] });
const RunnerV2 = codecOf<Runner>("runner", {
  type: "record",
  name: "Runner",
  fields: [field("bib"), field("country", { default: "?" })],
});
const Count = codecOf<number>("count", "int");

type Changelog = Map<string, Buffer | null>;

function store(codec = RunnerV1) {
  const current = { key: "", partition: 0, timestamp: undefined, watermark: 0, nowMs: 0 };
  const undo = new UndoLog();
  const states = new StateStore(current, undo);
  const runner = states.open("step.runner", valueState(codec)) as ValueState<Runner>;
  const splits = states.open("step.splits", mapState(Count)) as MapState<number>;
  const at = (key: string) => {
    current.key = key;
    return { runner, splits };
  };
  const flush = (changelog: Changelog) => {
    const keys: string[] = [];
    const put = (key: string, value: Buffer | null) => {
      changelog.set(key, value);
      keys.push(key);
    };
    states.flush({
      put: (_partition, key, prefix, codec, value) => put(key, Buffer.concat([prefix, codec.encode(value)])),
      putBytes: (_partition, key, value) => put(key, Buffer.from(value)),
      delete: (_partition, key) => put(key, null),
    });
    return keys;
  };
  const restore = (changelog: Changelog) => {
    for (const [key, value] of changelog) states.restore(parseChangelogKey(key) as never, 0, value);
    states.seal();
  };
  return { at, undo, flush, restore, states };
}

describe("state", () => {
  it("comes back from its changelog as it was, whatever its keys hold", () => {
    const changelog: Changelog = new Map();
    const before = store();
    before.states.seal();
    const odd = "a\0:7é";
    before.at(odd).runner.put({ bib: odd });
    before.at(odd).splits.put("5k\0:", 1);
    before.at(odd).splits.put("", 2);
    before.at("gone").runner.put({ bib: "gone" });
    before.at("gone").splits.put("5k", 3);
    before.flush(changelog);
    before.at("gone").runner.clear();
    before.at("gone").splits.clear();
    before.flush(changelog);

    const after = store();
    after.restore(changelog);
    expect(after.at(odd).runner.get()).toEqual({ bib: odd });
    expect([...after.at(odd).splits.entries()]).toEqual([
      ["5k\0:", 1],
      ["", 2],
    ]);
    expect(after.at("gone").runner.get()).toBeUndefined();
    expect(after.at("gone").splits.size).toBe(0);
  });

  it("writes each changed entry once an epoch, and nothing when nothing changed", () => {
    const { at, flush, states } = store();
    states.seal();
    for (let i = 0; i < 5; i++) at("a").splits.put("5k", i);
    at("a").splits.put("10k", 1);
    const changelog: Changelog = new Map();
    expect(flush(changelog).filter((key) => key.startsWith("m"))).toHaveLength(2);
    expect(flush(changelog)).toEqual([]);
  });

  it("is as before the record when it is undone", () => {
    const { at, undo, states } = store();
    states.seal();
    at("a").runner.put({ bib: "1" });
    at("a").splits.put("5k", 1);
    undo.clear();
    at("a").runner.put({ bib: "2" });
    at("a").runner.clear();
    at("a").splits.put("5k", 2);
    at("a").splits.put("10k", 3);
    at("b").runner.put({ bib: "3" });
    undo.rollback();
    expect(at("a").runner.get()).toEqual({ bib: "1" });
    expect([...at("a").splits.entries()]).toEqual([["5k", 1]]);
    expect(at("b").runner.get()).toBeUndefined();
  });

  it("written with an older schema is read with the present one, and both stand side by side", () => {
    const changelog: Changelog = new Map();
    const old = store(RunnerV1);
    old.states.seal();
    old.at("a").runner.put({ bib: "1" });
    old.flush(changelog);
    const present = store(RunnerV2);
    present.restore(changelog);
    expect(present.at("a").runner.get()).toEqual({ bib: "1", country: "?" });
    present.at("b").runner.put({ bib: "2", country: "KEN" });
    present.flush(changelog);
    const later = store(RunnerV2);
    later.restore(changelog);
    expect(later.at("a").runner.get()).toEqual({ bib: "1", country: "?" });
    expect(later.at("b").runner.get()).toEqual({ bib: "2", country: "KEN" });
  });
});
