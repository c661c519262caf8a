import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { choosePorts } from "./ports.ts";

const FREE = { kafka: 0, kafkaController: 0, clickHouseHttp: 0 };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ports-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = () => join(folder, "ports.json");

async function take(port: number): Promise<{ [Symbol.asyncDispose](): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

test("ports once chosen are kept by the next start", async () => {
  const first = await choosePorts(file(), FREE);
  expect(await choosePorts(file(), {})).toEqual(first);
});

test("a remembered port that another program has taken is replaced, the others are kept", async () => {
  const first = await choosePorts(file(), FREE);
  await using _taken = await take(first.kafka);
  const second = await choosePorts(file(), FREE);
  expect(second.kafka).not.toBe(first.kafka);
  expect({ ...second, kafka: first.kafka }).toEqual(first);
});

test("a port that is insisted on and taken is an error that names it", async () => {
  const { kafka } = await choosePorts(file(), FREE);
  await using _taken = await take(kafka);
  await expect(choosePorts(file(), { ...FREE, kafka })).rejects.toThrow(`port ${kafka} for kafka is taken`);
});

test("free ports lie below the ephemeral range, all different", async () => {
  const ports = Object.values(await choosePorts(file(), FREE));
  expect(new Set(ports).size).toBe(3);
  for (const port of ports) expect(port).toBeLessThan(32_768);
});
