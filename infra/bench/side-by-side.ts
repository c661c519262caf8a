/** Commands `windows` and `alerts` of the benchmark: their flags, their sizes, and what they print. */
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { ALERTS_COLUMNS, benchAlerts, type Guarantee } from "./alerts.ts";
import { ENGINES, enginesOf, OURS, type Work } from "./engines.ts";
import { PeersBench } from "./peers-bench.ts";
import { stopCommands } from "./process-tree.ts";
import { type Comparison, describeSummary, type Summary, summarise } from "./report.ts";
import { benchWindows, WINDOWS_COLUMNS } from "./windows.ts";

/** By readings a record: enough for a steady middle on a small machine, and what the published figures are of. */
const READINGS_SHORT: Readonly<Record<number, number>> = { 1: 8_000_000, 10: 12_000_000 };
const READINGS_FULL: Readonly<Record<number, number>> = { 1: 20_000_000, 10: 36_000_000 };
const WORK_DIR = join(import.meta.dirname, "../../.pacestream/bench");

interface CommonFlags {
  readonly against: string[];
  readonly ours: boolean;
  readonly rounds: number;
  readonly parallelism: number;
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly work: string;
  readonly limit: number;
}

const whole = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new InvalidArgumentError("give a whole number above 0");
  return value;
};
const words = (text: string): string[] => text.split(",").filter((word) => word !== "");
const wholes = (text: string): number[] => words(text).map(whole);

function common(name: Work, description: string): Command {
  const peers = ENGINES.filter((engine) => engine.name !== OURS && engine.works.includes(name));
  return new Command(name)
    .description(description)
    .option("--against <engines>", `peers too: ${peers.map((peer) => peer.name).join(",")}`, words, [])
    .option("--no-ours", "the peers alone")
    .option("--rounds <n>", "how often; engines take turns within each", whole, 3)
    .option("--parallelism <n>", "threads of an engine", whole, 2)
    .option("--limit <seconds>", "longest time of one run", whole, 420)
    .option("--work <folder>", "topics, logs and what is compiled", WORK_DIR)
    .option("--keep", "leave the topics there for the next run")
    .option("--json", "JSON, one line each input");
}

export function windowsCommand(): Command {
  return common("windows", "readings in ten-second windows, exactly once, as fast as it goes")
    .option("--batch <n,n>", "readings a record", wholes, [1, 10])
    .option("--readings <n>", "size of the input; default 8 000 000, 12 000 000 at ten a record", whole)
    .option("--full", "20 000 000 readings, 36 000 000 at ten a record")
    .option("--commit-ms <n>", "longest time between commits", whole, 1_000)
    .action(
      async (
        flags: CommonFlags & { batch: number[]; readings?: number; full?: boolean; commitMs: number },
      ) => {
        const sizes = flags.full ? READINGS_FULL : READINGS_SHORT;
        await sideBySide("windows", flags, (bench, engines, progress) =>
          flags.batch.map((batch) => () => {
            const readings = flags.readings ?? sizes[batch] ?? sizes[10]!;
            return benchWindows(bench, { ...flags, engines, batch, readings, progress });
          }),
        );
      },
    );
}

export function alertsCommand(): Command {
  return common("alerts", "from a reading sent to its alert read, at a steady rate")
    .option("--rates <n,n>", "readings a second", wholes, [5_000])
    .option("--guarantees <eo,alo>", "exactly once, at least once", words, ["eo", "alo"])
    .option("--seconds <n>", "measured, after ten more", whole, 20)
    .option("--full", "5 000 and 20 000 readings/s, 40 s each")
    .option("--commit-ms <n>", "longest time between commits", whole, 100)
    .action(
      async (
        flags: CommonFlags & {
          rates: number[];
          guarantees: string[];
          seconds: number;
          full?: boolean;
          commitMs: number;
        },
      ) => {
        const rates = flags.full ? [5_000, 20_000] : flags.rates;
        const seconds = flags.full ? 40 : flags.seconds;
        await sideBySide("alerts", flags, (bench, engines, progress) =>
          flags.guarantees.map(guaranteeOf).flatMap((guarantee) =>
            rates.map((rate) => () => {
              return benchAlerts(bench, { ...flags, engines, rate, seconds, guarantee, progress });
            }),
          ),
        );
      },
    );
}

function guaranteeOf(text: string): Guarantee {
  if (text !== "eo" && text !== "alo") throw new Error(`no guarantee "${text}": give eo, alo or both`);
  return text;
}

/** Runs one comparison after the other, prints each as it is done, and leaves nothing running, whatever happens. */
async function sideBySide(
  work: Work,
  flags: CommonFlags,
  comparisons: (
    bench: PeersBench,
    engines: ReturnType<typeof enginesOf>,
    progress: (line: string) => void,
  ) => (() => Promise<Comparison>)[],
): Promise<void> {
  const engines = enginesOf(work, [...(flags.ours ? [OURS] : []), ...flags.against]);
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    progress("stopping …");
    void stopCommands();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);
  let bench: PeersBench | undefined;
  try {
    bench = await PeersBench.start({
      work: flags.work,
      runMaxS: flags.limit,
      keep: flags.keep ?? false,
      progress,
    });
    for (const engine of engines) await bench.prepare(engine);
    for (const compare of comparisons(bench, engines, progress)) {
      const summary = summarise(await compare());
      print(summary, flags.json ?? false);
      if (summary.wrong.length > 0) process.exitCode = 1;
    }
  } catch (error) {
    if (!interrupted) throw error;
    process.exitCode = 130;
  } finally {
    if (bench) await bench.stop();
    else await stopCommands();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, interrupt);
  }
}

function print(summary: Summary, json: boolean): void {
  const columns = summary.work === "windows" ? WINDOWS_COLUMNS : ALERTS_COLUMNS;
  console.log(json ? JSON.stringify(summary) : `${describeSummary(summary, columns)}\n`);
}
