/** One of the processes of `npm run fuzz`: runs the jobs it is told, until its parent is gone. */
import { plant } from "../planted.ts";
import type { Order, Report } from "./messages.ts";

const [bug] = process.argv.slice(2);
// Before anything of the runtime is loaded.
if (bug) plant(bug);
const { runSeed } = await import("../run-seed.ts");
const { tellSeed } = await import("../story.ts");

const report = (said: Report) => process.send!(said);

process.on("message", (order: Order) => {
  if (order.kind === "tell") {
    report({ kind: "told", ...tellSeed(order.seed, order.subset, bug) });
    return;
  }
  for (const [index, seed] of order.seeds.entries())
    report({ kind: "ran", seed, ...runSeed(seed), last: index === order.seeds.length - 1 });
});
process.on("disconnect", () => process.exit());
