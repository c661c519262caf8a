import fc from "fast-check";
import { expect, test } from "vitest";
import { RankedList } from "./ranked-list.ts";

interface Entry {
  key: number;
  item: number;
}

/** What the list must be equal to: a plain array, sorted again after each change. */
class PlainList {
  entries: Entry[] = [];
  insert(key: number, item: number): void {
    this.entries.push({ key, item });
    this.entries.sort((a, b) => a.key - b.key || tieOrder(a.item, b.item));
  }
  remove(key: number, item: number): void {
    this.entries = this.entries.filter((entry) => entry.key !== key || entry.item !== item);
  }
}

/** Not the order of the numbers: the list must ask, not assume. */
const tieOrder = (a: number, b: number) => (a % 7) - (b % 7) || b - a;

function entriesOf(list: RankedList, offset = 0, limit = list.size): Entry[] {
  const found: Entry[] = [];
  list.forEach(offset, limit, (key, item) => found.push({ key, item }));
  return found;
}

function expectEqual(list: RankedList, plain: PlainList, probes: readonly number[]): void {
  expect(list.size).toBe(plain.entries.length);
  expect(entriesOf(list)).toEqual(plain.entries);
  for (const probe of probes) {
    expect(list.rank(probe)).toBe(plain.entries.filter((entry) => entry.key < probe).length);
    const index = Math.trunc(Math.abs(probe)) % (list.size + 1);
    expect(list.at(index)).toEqual(plain.entries[index]);
    expect(entriesOf(list, index, 5)).toEqual(plain.entries.slice(index, index + 5));
  }
  plain.entries.forEach((entry, index) => {
    expect(list.indexOf(entry.key, entry.item)).toBe(index);
  });
}

test("it equals a sorted array after any inserts and removes, ties included", () => {
  const step = fc.record({
    add: fc.integer({ min: 0, max: 9 }),
    key: fc.integer({ min: -3, max: 40 }),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 600 }),
      fc.array(fc.integer({ min: -4, max: 41 }), { maxLength: 5 }),
      (steps, probes) => {
        const list = new RankedList(tieOrder);
        const plain = new PlainList();
        steps.forEach(({ add, key, pick }, item) => {
          if (add < 6 || plain.entries.length === 0) {
            list.insert(key, item);
            plain.insert(key, item);
          } else {
            const gone = plain.entries[pick % plain.entries.length]!;
            list.remove(gone.key, gone.item);
            plain.remove(gone.key, gone.item);
          }
        });
        expectEqual(list, plain, probes);
      },
    ),
    { numRuns: 300 },
  );
});

test("it equals a sorted array while it grows to thousands and empties again", () => {
  const list = new RankedList(tieOrder);
  const plain = new PlainList();
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return seed % below;
  };
  for (let item = 0; item < 5000; item++) {
    const key = item < 2500 ? item : random(900);
    list.insert(key, item);
    plain.entries.push({ key, item });
  }
  plain.entries.sort((a, b) => a.key - b.key || tieOrder(a.item, b.item));
  expectEqual(list, plain, [0, 1, 450, 2499, 5000]);
  for (let left = 5000; left > 0; left--) {
    const [gone] = plain.entries.splice(left > 2500 ? random(left) : 0, 1);
    list.remove(gone!.key, gone!.item);
    if (left % 500 === 1) expectEqual(list, plain, [0, 3, 450, 2000]);
  }
  expect(list.size).toBe(0);
});

test("an item is in the list once for a key", () => {
  const list = new RankedList(tieOrder);
  list.insert(5, 1);
  expect(() => list.insert(5, 1)).toThrow("already in the list");
  expect(() => list.remove(6, 1)).toThrow("not in the list");
  expect(list.size).toBe(1);
  expect(list.at(1)).toBeUndefined();
  expect(list.at(-1)).toBeUndefined();
});
