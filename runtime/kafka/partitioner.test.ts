import { expect, test } from "vitest";
import { partitionOf } from "./partitioner.ts";

// The hashes that Kafka's own test expects of the Java client (UtilsTest.testMurmur2).
test.each([
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
])("%s lands where the Java client puts it", (key, hash) => {
  const positive = hash & 0x7fffffff;
  for (const partitions of [2, 3, 12, 0x7fffffff]) {
    expect(partitionOf(key, partitions)).toBe(positive % partitions);
    expect(partitionOf(Buffer.from(key), partitions)).toBe(positive % partitions);
  }
});

test("all keys land in the one partition there is", () => {
  expect(partitionOf("any", 1)).toBe(0);
});
