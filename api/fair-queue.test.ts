import { expect, test } from "vitest";
import { FairQueue } from "./fair-queue.ts";

function taken<T>(queue: FairQueue<T>): T[] {
  const items: T[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) items.push(item);
  return items;
}

test("who wants one waits for one of each of the others, whatever they want", () => {
  const queue = new FairQueue<string>();
  for (let i = 0; i < 1_000; i++) queue.push("greedy", `greedy ${i}`);
  queue.push("modest", "modest 0");
  queue.push("other", "other 0");
  expect([queue.size, queue.of("greedy"), queue.of("nobody")]).toEqual([1_002, 1_000, 0]);
  const order = taken(queue);
  expect(order.slice(0, 4)).toEqual(["greedy 0", "modest 0", "other 0", "greedy 1"]);
  expect(order.length).toBe(1_002);
  expect(queue.size).toBe(0);
});

test("who comes while others wait for long has a turn in the next round", () => {
  const queue = new FairQueue<string>();
  for (let i = 0; i < 10; i++) queue.push("greedy", `greedy ${i}`);
  expect([queue.take(), queue.take()]).toEqual(["greedy 0", "greedy 1"]);
  queue.push("late", "late 0");
  expect([queue.take(), queue.take()]).toEqual(["greedy 2", "late 0"]);
});
