/** Inside of a node: what its threads do, told to `agent.ts`. */
import { between, type Fault, type FaultContext, type Injected, runningNode } from "./fault.ts";

export const workerOutOfMemory: Fault = {
  name: "worker-out-of-memory",
  rows: [4],
  what: "a worker thread fills its heap until it is ended for it",
  recoversWithinS: 30,
  inject: (context) => inWorker(context, "runs out of memory", { kind: "out-of-memory" }),
};

export const workerEnds: Fault = {
  name: "worker-ends",
  rows: [5],
  what: "a worker thread ends without a word",
  recoversWithinS: 20,
  inject: (context) => inWorker(context, "ends", { kind: "exit" }),
};

export const workerThrows: Fault = {
  name: "worker-throws",
  rows: [5],
  what: "an error that nobody catches in a worker thread, where jobs run",
  recoversWithinS: 20,
  inject: (context) => inWorker(context, "throws", { kind: "throw" }),
};

export const nodeThrows: Fault = {
  name: "node-throws",
  rows: [5],
  what: "an error that nobody catches in a node's main thread: the process ends, and is started again",
  recoversWithinS: 30,
  async inject(context) {
    const { name, program } = runningNode(context);
    program.expectDeath();
    await program.order("main", { kind: "throw" });
    return { detail: name };
  },
};

export const blockNode: Fault = {
  name: "block-node",
  rows: [6],
  what: "the event loop of a node's main thread stands still for longer than the transaction time-out",
  recoversWithinS: 30,
  inject: (context) => blocked(context, between(12, 16, context.random)),
};

export const blockNodeLong: Fault = {
  name: "block-node-long",
  rows: [6],
  what: "the event loop of a node's main thread stands still for 65 s, past the group's patience too",
  recoversWithinS: 40,
  inject: (context) => blocked(context, 65_000),
};

export const blockWorker: Fault = {
  name: "block-worker",
  rows: [6],
  what: "the event loop of a worker thread stands still for longer than the transaction time-out",
  recoversWithinS: 20,
  inject: (context) => {
    const ms = between(12, 16, context.random);
    return inWorker(context, `stands still for ${ms / 1000} s`, { kind: "block", ms }, ms);
  },
};

const HOUR_MS = 3_600_000;

export const clockForward: Fault = {
  name: "clock-forward",
  rows: [25],
  what: "the clock of a node steps an hour forward, and back again (that of its threads; the brokers keep theirs)",
  recoversWithinS: 20,
  inject: (context) => clockOff(context, HOUR_MS),
};

export const clockBack: Fault = {
  name: "clock-back",
  rows: [25],
  what: "the clock of a node steps an hour back, and forward again (that of its threads; the brokers keep theirs)",
  recoversWithinS: 20,
  inject: (context) => clockOff(context, -HOUR_MS),
};

type Deed = Parameters<ReturnType<typeof runningNode>["program"]["order"]>[1];

async function inWorker(context: FaultContext, does: string, deed: Deed, holdMs = 0): Promise<Injected> {
  const { name, program } = runningNode(context);
  const thread = await program.order("worker", deed, context.random());
  const detail = thread === "none" ? `${name} has no worker now` : `worker ${thread} of ${name} ${does}`;
  return { detail, ...(holdMs > 0 && { holdMs, heal: () => undefined }) };
}

async function blocked(context: FaultContext, ms: number): Promise<Injected> {
  const { name, program } = runningNode(context);
  await program.order("main", { kind: "block", ms });
  return { detail: `${name} for ${ms / 1000} s`, holdMs: ms, heal: () => undefined };
}

async function clockOff(context: FaultContext, offsetMs: number): Promise<Injected> {
  const { name, program } = runningNode(context);
  await program.order("everywhere", { kind: "clock", offsetMs });
  return {
    detail: name,
    holdMs: between(6, 10, context.random),
    heal: async () => {
      await program.order("everywhere", { kind: "clock", offsetMs: 0 });
      return undefined;
    },
  };
}
