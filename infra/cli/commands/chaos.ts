/** `pace chaos`: breaks everything on purpose, and says whether the results came out right all the same. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import type { Fault } from "../../chaos/faults/index.ts";
import { absolute, jsonOption } from "../options.ts";
import { openConsole, toJson } from "../output.ts";
import { ROOT } from "../places.ts";
import { listenForStop } from "../stopping.ts";

interface ChaosOptions {
  readonly minutes: number;
  readonly once?: boolean;
  readonly seed: number;
  readonly faults?: readonly Fault[];
  readonly brokers: "1" | "3";
  readonly nodes: number;
  readonly rate: number;
  readonly patience: number;
  readonly data?: string;
  readonly report?: string;
  readonly keep?: boolean;
  readonly json?: boolean;
}

const DEFAULT_DIR = join(ROOT, ".pacestream/chaos");

export function chaosCommand(): Command {
  return new Command("chaos")
    .description("break everything on purpose under load, and prove that nothing is lost or doubled")
    .option("--minutes <m>", "how long the load lasts", positive, 5)
    .option("--once", "end sooner, when each fault has had its turn; --minutes is the most then")
    .option("--seed <n>", "decides the race, the faults' order and their details", whole, newSeed())
    .addOption(
      new Option(
        "--faults <list>",
        "names, separated by commas; `all,-NAME` leaves one out (default: all)",
      ).argParser(parseFaults),
    )
    .addOption(new Option("--brokers <n>", "brokers of the cluster").choices(["1", "3"]).default("1"))
    .option("--nodes <n>", "nodes of the product", whole, 2)
    .option("--rate <n>", "reads a second", positive, 150)
    .option("--patience <n>", "times that limits of recovery are longer, on a busy machine", positive, 1)
    .option("--data <dir>", "where the run keeps everything (default: .pacestream/chaos/SEED)", absolute)
    .option("--report <file>", "the page with the time line (default: report.html in that folder)", absolute)
    .option("--keep", "leave the data in place; they are also left after a violation")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      () =>
        `\nFaults (the numbers are the rows of the table in infra/chaos/README.md):\n${allFaults().map(describe).join("\n")}\n\n` +
        "Exit code 0: the verdict found nothing wrong. 1: it did. Ctrl-C stops all of it, without a verdict.",
    )
    .action(async (options: ChaosOptions) => {
      const [{ runChaos }, { describeRun }, { pageOf }] = await Promise.all([
        import("../../chaos/run.ts"),
        import("../../chaos/report.ts"),
        import("../../chaos/page.ts"),
      ]);
      const dataDir = options.data ?? join(DEFAULT_DIR, String(options.seed));
      const page = options.report ?? join(dataDir, "report.html");
      const terminal = openConsole(options.json ? process.stderr : process.stdout);
      const stopping = listenForStop(() => terminal.line("Stopping"));
      const report = await runChaos({
        minutes: options.minutes,
        once: options.once ?? false,
        seed: options.seed,
        faults: options.faults ?? allFaults(),
        brokers: options.brokers === "3" ? 3 : 1,
        nodes: options.nodes,
        readsPerSecond: options.rate,
        patience: options.patience,
        dataDir: join(dataDir, "data"),
        tell: terminal.line,
        moving: terminal.moving,
        signal: stopping.signal,
      });
      terminal.settle();
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(page, pageOf(report));
      if (options.json) console.log(toJson(report));
      else terminal.line(describeRun(report));
      terminal.line(`the page: ${page}`);
      const failed = report.violations.length > 0;
      if (!options.keep && !failed) rmSync(join(dataDir, "data"), { recursive: true, force: true });
      process.exit(report.interrupted ? stopping.exitCode() : failed ? 1 : 0);
    });
}

/** Loaded when asked for, at once: other commands start in a moment because they do not load the Kafka client. */
function allFaults(): readonly Fault[] {
  const require = createRequire(import.meta.url);
  return (require("../../chaos/faults/index.ts") as typeof import("../../chaos/faults/index.ts")).FAULTS;
}

function describe({ name, rows, what }: Fault): string {
  return `  ${name.padEnd(32)}${rows.join(" ").padEnd(9)}${what}`;
}

function parseFaults(text: string): Fault[] {
  const names = text.split(",").map((name) => name.trim());
  const byName = (name: string): Fault => {
    const fault = allFaults().find((it) => it.name === name);
    if (!fault) throw new InvalidArgumentError(`There is no fault "${name}"; --help lists them.`);
    return fault;
  };
  const without = names.filter((name) => name.startsWith("-")).map((name) => byName(name.slice(1)));
  const wanted = names.filter((name) => !name.startsWith("-"));
  const chosen = wanted.includes("all") || wanted.length === 0 ? allFaults() : wanted.map(byName);
  return chosen.filter((fault) => !without.includes(fault));
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("Give a number above 0.");
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 0x7fff_ffff)
    throw new InvalidArgumentError("Give a whole number from 1.");
  return value;
}

function newSeed(): number {
  return 1 + Math.floor(Math.random() * 1_000_000);
}
