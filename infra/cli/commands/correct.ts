/** `pace correct`: what officials decide about a read or a runner. */
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
}

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
      .option("--id <id>", "an id of yours: sent twice, the correction is taken once");
    correct.addCommand(
      addWhere(command).action((race: string, bib: string, options: CorrectOptions) =>
        send(kind, race, bib, options),
      ),
    );
  }
  return correct;
}

async function send(kind: CorrectionKind, race: string, bib: string, options: CorrectOptions): Promise<void> {
  const { mat, time, read, reason, id, json } = options;
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
  const accepted = await connect(options).call<{ id: string }>("POST", path, body);
  print(
    json,
    { race, ...body, ...accepted },
    () =>
      `Taken: correction ${accepted.id} of ${race}, bib ${bib}. Whether it applied stands in ClickHouse, table corrections.`,
  );
}
