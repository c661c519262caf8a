import fc from "fast-check";
import { expect, it } from "vitest";
import { Line } from "./line.ts";

it("a line is a sorted list, whatever comes and goes", () => {
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("insert" as const), number: fc.nat(300) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), number: fc.nat(300) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("take" as const), number: fc.nat(100) }) },
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 400 }), (acts) => {
      const line = new Line<{ number: number }>(({ number }) => number);
      const model: { number: number }[] = [];
      for (const { do: what, number } of acts) {
        if (what === "insert") {
          const thing = { number };
          line.insert(thing);
          model.splice(model.findLastIndex((other) => other.number <= number) + 1, 0, thing);
        } else if (what === "remove") {
          const thing = model[number] ?? { number };
          line.remove(thing);
          if (model.includes(thing)) model.splice(model.indexOf(thing), 1);
        } else expect(line.takeFirst(number)).toEqual(model.splice(0, number));
        expect([...line]).toEqual(model);
        expect(line.length).toBe(model.length);
        expect(line.at(number)).toBe(model[number]);
        expect(line.countWhile((thing) => thing.number < number)).toBe(
          model.filter((thing) => thing.number < number).length,
        );
      }
    }),
  );
});
