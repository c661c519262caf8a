import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterEach, expect, inject, test, vi } from "vitest";
import { committedOffsets } from "../kafka/admin.ts";
import { newTopic } from "../kafka/log-fixture.ts";

const kafka = inject("kafka");
const FIXTURE = fileURLToPath(new URL("./membership.fixture.ts", import.meta.url));

/** Of every member here. */
const SESSION_TIMEOUT_MS = 5_000;

class Member {
  readonly process: ChildProcess;
  readonly slots = new Set<number>();
  readonly lines: string[] = [];
  /** Moments (performance.now) of the last change. */
  assignedMs = 0;
  revokedMs = 0;

  constructor(group: string, topic: string, name: string) {
    const args = [JSON.stringify(kafka), group, topic, name, String(SESSION_TIMEOUT_MS)];
    this.process = fork(FIXTURE, args, { execArgv: [] });
    this.process.on("message", (message: { assigned?: number[]; revoked?: number[]; line?: string }) => {
      if (message.assigned) this.assignedMs = performance.now();
      if (message.revoked) this.revokedMs = performance.now();
      for (const slot of message.assigned ?? []) this.slots.add(slot);
      for (const slot of message.revoked ?? []) this.slots.delete(slot);
      if (message.line) this.lines.push(message.line);
    });
    members.push(this);
  }

  /** What the group says of a slot, asked by this member. */
  async confirms(slot: number): Promise<boolean> {
    const answered = new Promise<boolean>((resolve) => {
      this.process.on("message", ({ confirmed }: { confirmed?: boolean }) => {
        if (confirmed !== undefined) resolve(confirmed);
      });
    });
    this.process.send({ confirm: slot });
    return answered;
  }

  async holds(count: number): Promise<void> {
    await vi.waitFor(() => expect([...this.slots].length).toBe(count), { timeout: 60_000, interval: 20 });
  }
}

const members: Member[] = [];
afterEach(() => {
  for (const member of members.splice(0)) member.process.kill("SIGKILL");
});

test("two nodes share the slots; when one is killed the other takes over, and a leaver's move at once", async () => {
  const [topic, group] = [await newTopic(kafka, 4), randomUUID()];
  const a = new Member(group, topic, "a");
  await a.holds(4);
  const b = new Member(group, topic, "b");
  await b.holds(2);
  await a.holds(2);
  expect(b.assignedMs).toBeGreaterThanOrEqual(a.revokedMs);
  expect([...a.slots, ...b.slots].sort()).toEqual([0, 1, 2, 3]);

  b.process.kill("SIGKILL");
  await a.holds(4);

  const c = new Member(group, topic, "c");
  await c.holds(2);
  await a.holds(2);
  a.process.send({ leave: true });
  await c.holds(4);
  // Long before a's session would have ended.
  expect(c.assignedMs - a.revokedMs).toBeLessThan(SESSION_TIMEOUT_MS / 2);
});

test("the group confirms the slots of a member, and not those that one who stood still believes to hold", async () => {
  const [topic, group] = [await newTopic(kafka, 4), randomUUID()];
  const a = new Member(group, topic, "a");
  await a.holds(4);
  const b = new Member(group, topic, "b");
  await b.holds(2);
  await a.holds(2);
  const [ofA, ofB] = [[...a.slots][0]!, [...b.slots][0]!];
  expect(await a.confirms(ofA)).toBe(true);
  expect(await a.confirms(ofB)).toBe(false);
  expect(await b.confirms(ofB)).toBe(true);

  b.process.kill("SIGSTOP");
  await a.holds(4);
  const asked = b.confirms(ofB); // the first that it does when it goes on
  b.process.kill("SIGCONT");
  expect(await asked).toBe(false);
  expect(await a.confirms(ofA)).toBe(true);
});

test("offsets of held slots reach the group; a main thread that is busy for longer than a session keeps its slots", async () => {
  const [topic, group] = [await newTopic(kafka, 4), randomUUID()];
  const a = new Member(group, topic, "a");
  await a.holds(4);
  a.process.send({ commit: 7, blockMs: SESSION_TIMEOUT_MS + 1_000 });
  const partitions = [0, 1, 2, 3].map((partition) => ({ topic, partition }));
  await vi.waitFor(
    async () => {
      const offsets = await committedOffsets(kafka, group, partitions);
      expect(offsets.map(({ offset }) => offset)).toEqual([7, 7, 7, 7]);
    },
    { timeout: 60_000, interval: 100 },
  );
  await new Promise((resolve) => setTimeout(resolve, 5_500));
  expect([...a.slots]).toEqual([0, 1, 2, 3]);
  expect(a.lines).toEqual([]);
});

test("offsets told in the middle of a rebalance reach the group when it is over", async () => {
  const [topic, group] = [await newTopic(kafka, 4), randomUUID()];
  const a = new Member(group, topic, "a");
  await a.holds(4);
  const b = new Member(group, topic, "b");
  let told = 0;
  const telling = setInterval(() => a.process.send({ commit: ++told }), 50);
  await b.holds(2).finally(() => clearInterval(telling));
  await a.holds(2);
  const partitions = [...a.slots].map((partition) => ({ topic, partition }));
  await vi.waitFor(
    async () => {
      const offsets = await committedOffsets(kafka, group, partitions);
      expect(offsets.map(({ offset }) => offset)).toEqual([told, told]);
    },
    { timeout: 60_000, interval: 100 },
  );
});

test("offsets of a slot whose lease is in doubt reach the group when it is given back", async () => {
  const [topic, group] = [await newTopic(kafka, 4), randomUUID()];
  const a = new Member(group, topic, "a");
  await a.holds(4);
  // The last there is to tell: read while nobody knows whose the slot is.
  a.process.send({ whenLost: 9 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  a.process.kill("SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 2 * SESSION_TIMEOUT_MS));
  a.process.kill("SIGCONT");
  const partitions = [0, 1, 2, 3].map((partition) => ({ topic, partition }));
  await vi.waitFor(
    async () => {
      const offsets = await committedOffsets(kafka, group, partitions);
      expect(offsets.map(({ offset }) => offset)).toEqual([9, 9, 9, 9]);
    },
    { timeout: 60_000, interval: 100 },
  );
});
