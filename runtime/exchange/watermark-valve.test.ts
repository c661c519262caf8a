import { describe, expect, it } from "vitest";
import { NO_WATERMARK } from "../time.ts";
import { WatermarkValve } from "./watermark-valve.ts";

function valve(...channels: string[]): WatermarkValve {
  const made = new WatermarkValve();
  for (const channel of channels) made.add(channel);
  return made;
}

describe("the watermark of many channels", () => {
  it("is the lowest of them, and nothing while one has not spoken", () => {
    const both = valve("a", "b");
    both.advance("a", 10);
    expect(both.output()).toBe(NO_WATERMARK);
    both.advance("b", 5);
    expect(both.output()).toBe(5);
    both.advance("b", 20);
    expect(both.output()).toBe(10);
  });

  it("never goes back", () => {
    const both = valve("a", "b");
    both.advance("a", 10);
    both.setIdle("b");
    expect(both.output()).toBe(10);
    both.advance("b", 3);
    expect(both.output()).toBe(10);
    both.advance("a", 2);
    expect(both.watermarkOf("a")).toBe(10);
    // And goes on from there.
    both.advance("b", 12);
    expect(both.output()).toBe(10);
    both.advance("a", 20);
    expect(both.output()).toBe(12);
    both.advance("b", 15);
    expect(both.output()).toBe(15);
  });

  it("leaves idle channels out until they speak again", () => {
    const both = valve("a", "b");
    both.advance("b", 1);
    both.setIdle("b");
    both.advance("a", 10);
    expect(both.output()).toBe(10);
    both.advance("b", 12);
    both.advance("a", 30);
    expect(both.output()).toBe(12);
  });

  it("is the highest of all once all are idle", () => {
    const both = valve("a", "b");
    both.advance("a", 10);
    both.advance("b", 5);
    both.setIdle("a");
    expect(both.output()).toBe(5);
    both.setIdle("b");
    expect(both.allIdle).toBe(true);
    expect(both.output()).toBe(10);
  });
});
