import { describe, expect, test } from "vitest";
import { Entrant, Race, Standing } from "../../schemas/index.ts";
import { entrant, SAMPLE, standing } from "../testing/sample-race.ts";
import { LiveModel, type LiveTopic, RaceRedefined } from "./model.ts";
import { isAhead, positionOf, positionText } from "./position.ts";

function modelWith(skipped: string[] = []) {
  const model = new LiveModel({
    skipped: (topic, partition, offset) => skipped.push(`${topic}/${partition}/${offset}`),
  });
  const apply = (topic: LiveTopic, offset: number, bytes: Buffer) =>
    model.apply(topic, 0, offset, bytes, 0, bytes.length);
  return { model, apply };
}

describe("the read model", () => {
  test("skips what it cannot read or apply, and goes on", () => {
    const skipped: string[] = [];
    const { model, apply } = modelWith(skipped);
    apply("races", 0, Race.encode(SAMPLE));
    apply("standings", 0, Buffer.from("nonsense"));
    apply("standings", 1, Standing.encode(standing("1", "no such mat", 100)));
    apply("standings", 2, Standing.encode(standing("1", "10k", 100)));
    expect(skipped).toEqual(["standings/0/0", "standings/0/1"]);
    expect(model.position).toEqual([3]);
    expect(model.races.get("sample")?.passed(1)).toBe(1);
  });

  test("holds what comes before its race", () => {
    const skipped: string[] = [];
    const { model, apply } = modelWith(skipped);
    apply("entrants", 0, Entrant.encode(entrant("1")));
    apply("standings", 0, Standing.encode(standing("1", "nowhere", 100)));
    apply("standings", 1, Standing.encode(standing("1", "10k", 100)));
    expect(model.races.size).toBe(0);
    apply("races", 0, Race.encode(SAMPLE));
    expect(model.races.get("sample")?.counts).toMatchObject({ runners: 1, running: 1 });
    expect(skipped).toEqual(["standings/0/0"]);
    expect(model.takeChanged()).toEqual(new Map([["sample", new Set(["1"])]]));
    expect(model.takeChanged().size).toBe(0);
  });

  test("gives each race a clock of its own, which never goes back", () => {
    const { model, apply } = modelWith();
    const clocks = () => [...model.races].map(([id, { asOfS }]) => [id, asOfS]);
    apply("races", 0, Race.encode(SAMPLE));
    apply("races", 1, Race.encode({ ...SAMPLE, id: "other" }));
    expect(clocks()).toEqual([
      ["sample", null],
      ["other", null],
    ]);
    apply("standings", 0, Standing.encode(standing("1", "10k", 100, { asOfS: 40_000 })));
    expect(clocks()).toEqual([
      ["sample", 40_000],
      ["other", null],
    ]);
    apply("standings", 1, Standing.encode(standing("1", "10k", 100, { race: "other", asOfS: 36_500.5 })));
    apply("standings", 2, Standing.encode(standing("2", "10k", 100, { asOfS: 39_000 })));
    expect(clocks()).toEqual([
      ["sample", 40_000],
      ["other", 36_500.5],
    ]);
  });

  test("takes a new name of a race, and refuses a new course under its standings", () => {
    const { model, apply } = modelWith();
    const longer = { ...SAMPLE, mats: [...SAMPLE.mats, { id: "party", distanceM: 43_000 }] };
    apply("races", 0, Race.encode(SAMPLE));
    apply("races", 1, Race.encode(longer));
    expect(model.races.get("sample")?.race.mats).toHaveLength(4);
    apply("standings", 0, Standing.encode(standing("1", "10k", 100)));
    apply("races", 2, Race.encode({ ...longer, name: "Renamed" }));
    expect(model.races.get("sample")?.race.name).toBe("Renamed");
    expect(model.races.get("sample")?.passed(1)).toBe(1);
    expect(() => apply("races", 3, Race.encode(SAMPLE))).toThrow(RaceRedefined);
  });
});

describe("a position", () => {
  test("is text and back", () => {
    expect(positionText([3, 0, 12])).toBe("0:3,1:0,2:12");
    expect(positionOf("0:3,1:0,2:12")).toEqual([3, 0, 12]);
  });

  test.each(["", "1:3", "0:3,0:4", "0:3,", "0:-1", "0:1e3", "0:99999999999999999", "0:1\n", "a"])(
    "is not %j",
    (text) => {
      expect(positionOf(text)).toBeUndefined();
    },
  );

  test("is ahead of another when it has seen what that has not", () => {
    expect(isAhead([3, 1], [3, 0])).toBe(true);
    expect(isAhead([3, 0], [3, 0])).toBe(false);
    expect(isAhead([2, 0], [3, 5])).toBe(false);
    expect(isAhead([2], [3, 5])).toBe(true);
  });
});
