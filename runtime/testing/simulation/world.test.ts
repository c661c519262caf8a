import { expect, test } from "vitest";
import { World } from "./world.ts";

test("a world in which something sets itself anew for ever, at one moment, ends and says so", async () => {
  const world = new World(1, 1_000);
  const again = () => {
    world.after(0, again);
  };
  again();
  await world.run(10);
  expect(world.isOver).toBe(true);
  expect(world.events).toBe(1_000);
  expect(world.violations).toEqual(["still busy after 1000 events"]);
});

test("a world that comes to rest is not over", async () => {
  const world = new World(1, 1_000);
  world.after(5, () => {});
  await world.run(10);
  expect([world.isOver, world.nowMs, world.violations]).toEqual([false, 10, []]);
});
