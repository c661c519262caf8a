/**
 * `pace correct`: what officials decide about a read or a runner.
 *
 * PC1  What a correction would change is said before it is sent; where something about it is strange, it is sent with --force only.
 * PC2  What became of it is said, and an exit code other than 0 says that it did not apply, or that this is not known yet.
 */
import { Command } from "commander";
import type { CorrectionKind } from "../../../schemas/index.ts";
import { connect } from "../connect.ts";
import { addWhere, type WhereOptions } from "../options.ts";
import { print } from "../output.ts";

interface CorrectOptions extends WhereOptions {
  readonly mat?: string;
  readonly time?: string;
  readonly read?: string;
  readonly reason: string;
  readonly id?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

interface Change {
  readonly what: "status" | "time" | "place";
  readonly mat: string;
  readonly from: string;
  readonly to: string;
}

interface Foretold {
  readonly id: string;
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
}

interface Answered {
  readonly id: string;
  readonly outcome: "applied" | "refused" | "accepted";
  readonly refusal: string;
  readonly changes: readonly Change[];
}

const NOT_APPLIED = 1;
const NOT_KNOWN_YET = 3;

const KINDS: readonly {
  readonly kind: CorrectionKind;
  readonly does: string;
  readonly takes: readonly string[];
}[] = [
  { kind: "void", does: "a read does not count", takes: ["mat", "read"] },
  { kind: "add", does: "a read that the mats missed", takes: ["mat", "time"] },
  { kind: "change", does: "the right time of a read", takes: ["mat", "time", "read"] },
  { kind: "disqualify", does: "the runner has no place", takes: [] },
  { kind: "reinstate", does: "takes a disqualification back", takes: [] },
];

export function correctCommand(): Command {
  const correct = new Command("correct")
    .description("correct a race: a read, or a runner")
    .addHelpText(
      "after",
      '\nExample:\n  pace correct change chicago-2023 10131 --mat 25k --time 09:12:33 --reason "clock of the mat was off"',
    );
  for (const { kind, does, takes } of KINDS) {
    const command = new Command(kind)
      .description(does)
      .argument("<race>", "the race's id, such as chicago-2023")
      .argument("<bib>", "the runner's bib");
    if (takes.includes("mat")) command.requiredOption("--mat <mat>", "the mat, such as 25k or finish");
    if (takes.includes("time")) {
      command.requiredOption(
        "--time <time>",
        "when the chip crossed: local time of day HH:MM:SS[.mmm], or seconds since midnight",
      );
    }
    if (takes.includes("read"))
      command.option("--read <id>", "the read (default: whichever counts at the mat)");
    command
      .requiredOption("--reason <text>", "why; it stands beside the result for good")
      .option("--id <id>", "an id of yours: sent twice, the correction is taken once")
      .option("--dry-run", "only say what it would change")
      .option("--force", "send it although something about it is strange");
    correct.addCommand(
      addWhere(command).action((race: string, bib: string, options: CorrectOptions) =>
        send(kind, race, bib, options),
      ),
    );
  }
  return correct;
}

async function send(kind: CorrectionKind, race: string, bib: string, options: CorrectOptions): Promise<void> {
  const { mat, time, read, reason, id, json, dryRun, force } = options;
  const body = {
    kind,
    bib,
    reason,
    ...(mat && { mat }),
    ...(time && { time }),
    ...(read && { read }),
    ...(id && { id }),
  };
  const path = `/v1/races/${encodeURIComponent(race)}/corrections`;
  const api = connect(options);
  const foretold = await api.call<Foretold>("POST", `${path}/preview`, body); // PC1
  const { warnings } = foretold;
  const isStrange = warnings.length > 0 && !force;
  if (dryRun || isStrange) {
    print(json, { race, ...body, sent: false, ...foretold }, () =>
      [
        `${kind} of ${race}, bib ${bib}, would change:`,
        ...changeLines(foretold.changes),
        ...warnings.map((warning) => `  but: ${warning}`),
        dryRun
          ? "Nothing was sent."
          : "Nothing was sent: look again, and say --force to send it all the same.",
      ].join("\n"),
    );
    if (isStrange) process.exitCode = NOT_APPLIED;
    return;
  }
  const answer = await api.call<Answered>("POST", path, { ...body, id: foretold.id });
  print(json, { race, ...body, ...answer }, () => told(race, bib, answer));
  if (answer.outcome !== "applied")
    process.exitCode = answer.outcome === "refused" ? NOT_APPLIED : NOT_KNOWN_YET; // PC2
}

function told(race: string, bib: string, { id, outcome, refusal, changes }: Answered): string {
  const what = `correction ${id} of ${race}, bib ${bib}`;
  switch (outcome) {
    case "applied":
      return [`Applied: ${what}.`, ...changeLines(changes)].join("\n");
    case "refused":
      return `Refused: ${what}: ${refusal}.`;
    case "accepted":
      return `Taken, and not decided yet: ${what}. The same command with --id ${id} asks again; is the job running (pace jobs)?`;
  }
}

function changeLines(changes: readonly Change[]): string[] {
  if (changes.length === 0) return ["  nothing that the board shows"];
  return changes.map(({ what, mat, from, to }) => `  ${what}${mat && ` at ${mat}`}: ${from} becomes ${to}`);
}
