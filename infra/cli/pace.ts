/**
 * `pace`: the command line of Pacestream. One file a command in `commands/`; what they share lies beside this.
 *
 * Exit codes: 0 done · 1 it failed, and standard error says why and what to do · 2 the command was written wrong ·
 * 3 it was taken, and what comes of it is not known yet · 128 + signal: stopped before it was done.
 */
import { inspect } from "node:util";
import { Command, CommanderError } from "commander";
import { PacestreamError } from "../../runtime/errors.ts";
import { chaosCommand } from "./commands/chaos.ts";
import { correctCommand } from "./commands/correct.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
import { deviceCommand } from "./commands/device.ts";
import { cancelCommand, jobsCommand, submitCommand } from "./commands/jobs.ts";
import { raceCommand } from "./commands/race.ts";
import { sqlCommand } from "./commands/sql.ts";
import { statusCommand } from "./commands/status.ts";
import { upCommand } from "./commands/up.ts";
import { plain } from "./output.ts";

// Node says at each start that stripping types is an experiment; other warnings are worth hearing.
process.removeAllListeners("warning");
process.on("warning", ({ name, message }) => {
  if (name !== "ExperimentalWarning") console.error(plain(`${name}: ${message}`));
});

// Whoever read the output has gone (`pace up | head`): an orderly end, not a crash. Nobody is left to tell why.
process.stdout.once("error", () => process.kill(process.pid, "SIGTERM"));
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const program = new Command("pace")
  .description("Live results of a race: replay it, watch it, correct it.")
  .helpCommand(true)
  .showHelpAfterError("(--help says what there is)")
  .addCommand(upCommand())
  .addCommand(raceCommand())
  .addCommand(deviceCommand())
  .addCommand(jobsCommand())
  .addCommand(submitCommand())
  .addCommand(cancelCommand())
  .addCommand(correctCommand())
  .addCommand(statusCommand())
  .addCommand(deadLettersCommand())
  .addCommand(sqlCommand())
  .addCommand(chaosCommand());

// Commander exits 1 for what was written wrong; 2 tells scripts that trying again cannot help.
const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)];
for (const command of everyCommand(program)) {
  command.exitOverride();
  command.configureOutput({ writeErr: (text) => process.stderr.write(plain(text)) });
  command.configureHelp({ showGlobalOptions: true });
}

try {
  await program.parseAsync();
  await Promise.all([process.stdout, process.stderr].map(written));
  // Nothing is waited for any more; the Kafka client would keep the process for some seconds.
  process.exit();
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  if (error instanceof PacestreamError) console.error(plain(`pace: ${error.message}`));
  else console.error(plain(`pace: failed for a reason it does not know: ${inspect(error)}`));
  process.exit(1);
}

/** A pipe takes some kilobytes at a time: what is still to be written when the process ends is cut off. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write("", () => resolve());
  });
}
