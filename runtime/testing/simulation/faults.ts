/**
 * What goes wrong in a run: planned from the seed before it begins, so that a single fault can be left out and the run tried
 * again without it.
 */
import type { Random } from "../random.ts";
import type { Cluster } from "./cluster.ts";
import { type Effect, REQUESTS, type RequestKind, type Trap } from "./network.ts";
import type { SimulatedNode } from "./node.ts";

export type Fault = { readonly atMs: number } & (
  | { readonly kind: "kill"; readonly node: number; readonly downMs: number }
  | {
      readonly kind: "kill-at";
      readonly node: number;
      readonly downMs: number;
      readonly request: RequestKind;
      readonly moment: Trap["moment"];
    }
  | { readonly kind: "stand-still"; readonly node: number; readonly forMs: number }
  | { readonly kind: "block-main"; readonly node: number; readonly forMs: number }
  | { readonly kind: "restart"; readonly node: number }
  | { readonly kind: "worker-death"; readonly node: number }
  | { readonly kind: "clock-step"; readonly node: number; readonly byMs: number }
  | { readonly kind: "cut-off"; readonly node: number; readonly forMs: number }
  | { readonly kind: "storm"; readonly times: number; readonly everyMs: number }
  | { readonly kind: "hand-out-twice" }
  | { readonly kind: "coordinator-move"; readonly forMs: number }
  | { readonly kind: "leader-move" }
  | { readonly kind: "slow-reads"; readonly node: number; readonly byMs: number; readonly forMs: number }
  | { readonly kind: "compaction"; readonly times: number; readonly everyMs: number }
  | {
      readonly kind: "disturbance";
      readonly request: RequestKind;
      readonly effect: Effect;
      readonly chance: number;
      readonly forMs: number;
    }
);

/** A day in Kafka, which every restore ends well within; here tombstones wait for the restores under way instead. */
const TOMBSTONES_KEPT_MS = 3_000;
const DURATIONS_MS = [300, 1_500, 4_000, 8_000, 14_000, 18_000] as const;

export function planFaults(random: Random, nodes: number, spanMs: number): Fault[] {
  const count = random.chance(0.05) ? 0 : random.between(1, 9);
  return Array.from({ length: count }, () => {
    const atMs = Math.floor(random.fraction() * spanMs);
    return { atMs, ...drawFault(random, random.between(0, nodes - 1)) } as Fault;
  }).sort((a, b) => a.atMs - b.atMs);
}

function drawFault(random: Random, node: number) {
  const forMs = random.pick(DURATIONS_MS);
  const downMs = random.pick([50, 500, 2_000, 5_000, 12_000]);
  switch (random.between(0, 19)) {
    case 0:
    case 1:
      return { kind: "kill", node, downMs };
    case 2:
    case 3:
    case 4: {
      const request = random.pick([
        "InitProducerId",
        "AddPartitionsToTxn",
        "Produce",
        "EndTxn",
        "EndTxn",
        "Fetch",
      ]);
      return { kind: "kill-at", node, downMs, request, moment: random.pick(["asked", "done", "answered"]) };
    }
    case 5:
    case 6:
      return { kind: "stand-still", node, forMs };
    case 7:
      return { kind: "block-main", node, forMs };
    case 8:
      return { kind: "restart", node };
    case 9:
      return { kind: "worker-death", node };
    case 10:
      return {
        kind: "clock-step",
        node,
        byMs: random.pick([-3_600_000, -20_000, -1_000, 1_000, 60_000, 3_600_000]),
      };
    case 11:
      return { kind: "cut-off", node, forMs };
    case 12:
      return { kind: "storm", times: random.between(2, 6), everyMs: random.between(50, 1_500) };
    case 13:
      return { kind: "hand-out-twice" };
    case 14:
      return { kind: "coordinator-move", forMs: random.pick([200, 1_000, 5_000, 16_000]) };
    case 15:
      return { kind: "leader-move" };
    case 16:
      return { kind: "slow-reads", node, byMs: random.between(20, 400), forMs };
    case 17:
      return { kind: "compaction", times: random.between(2, 12), everyMs: random.between(100, 1_000) };
    default: {
      const request = random.pick([...REQUESTS, "EndTxn", "EndTxn", "Produce"] as const);
      const effects: Effect[] = ["lose request", "lose answer", "lose answer", "delay", "double"];
      if (request === "Produce") effects.push("refuse");
      if (request === "EndTxn") effects.push("strand", "strand");
      return {
        kind: "disturbance",
        request,
        effect: random.pick(effects),
        chance: random.pick([0.05, 0.3, 1]),
        forMs: random.pick([200, 1_000, 4_000, 16_000]),
      };
    }
  }
}

/** When the last of what a fault does is over. */
export function faultEndMs(fault: Fault): number {
  switch (fault.kind) {
    case "kill":
    case "kill-at":
      return fault.atMs + fault.downMs;
    case "stand-still":
    case "block-main":
    case "cut-off":
    case "slow-reads":
    case "coordinator-move":
    case "disturbance":
      return fault.atMs + fault.forMs;
    case "storm":
    case "compaction":
      return fault.atMs + fault.times * fault.everyMs;
    default:
      return fault.atMs;
  }
}

/** Lets a fault take place; called at its time. */
export function strike(fault: Fault, cluster: Cluster, nodes: readonly SimulatedNode[]): void {
  const { world, network, group, coordinator } = cluster;
  const node = "node" in fault ? nodes[fault.node]! : undefined;
  world.tell("fault", describeFault(fault));
  const again = (downMs: number) => world.after(downMs, () => node!.start());
  const repeat = (times: number, everyMs: number, call: () => void) => {
    for (let i = 0; i < times; i++) world.after(i * everyMs, call);
  };
  switch (fault.kind) {
    case "kill":
      if (!node!.isUp) return;
      world.mark("node killed");
      node!.kill();
      again(fault.downMs);
      return;
    case "kill-at": {
      const { request, moment, downMs } = fault;
      network.traps.push({
        node: node!.name,
        request,
        moment,
        spring: () => {
          world.mark("node killed at a request");
          world.tell("fault", `${node!.name}: ${request} is ${moment}`);
          node!.kill();
          again(downMs);
        },
      });
      return;
    }
    case "stand-still":
      world.mark("node stood still");
      node!.standStill(fault.forMs);
      return;
    case "block-main":
      world.mark("main thread stood still");
      node!.blockMain(fault.forMs);
      return;
    case "restart":
      if (!node!.isUp) return;
      world.mark("node stopped in order");
      void node!.stop().then(() => world.after(100, () => node!.start()));
      return;
    case "worker-death":
      if (node!.killWorker()) world.mark("worker died");
      return;
    case "clock-step":
      world.mark("clock stepped");
      node!.clock.offsetMs += fault.byMs;
      return;
    case "cut-off":
      world.mark("group cut off");
      group.cut(node!.name, fault.forMs);
      return;
    case "storm":
      repeat(fault.times, fault.everyMs, () => group.shuffle());
      return;
    case "hand-out-twice":
      group.handOutTwice();
      return;
    case "coordinator-move":
      coordinator.move(fault.forMs);
      return;
    case "leader-move":
      cluster.moveLeaders();
      return;
    case "slow-reads":
      world.mark("reads slowed");
      node!.slowMs = fault.byMs;
      world.after(fault.forMs, () => {
        node!.slowMs = 0;
      });
      return;
    case "compaction":
      repeat(fault.times, fault.everyMs, () => {
        const isRestoring = nodes.some((one) => one.restoring > 0);
        if (isRestoring) world.mark("compacted during a restore");
        cluster.compact(isRestoring ? Number.POSITIVE_INFINITY : TOMBSTONES_KEPT_MS);
      });
      return;
    case "disturbance": {
      const { request, effect, chance, forMs } = fault;
      network.disturbances.push({ request, effect, chance, untilMs: world.nowMs + forMs });
      return;
    }
  }
}

export function describeFault(fault: Fault): string {
  const { kind, atMs: _, ...rest } = fault;
  const details = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  return [kind, ...details].join(", ");
}
