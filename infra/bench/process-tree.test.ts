import { afterEach, expect, test } from "vitest";
import { identify } from "../embedded/os-process.ts";
import { startCommand, stopCommands } from "./process-tree.ts";

const options = { cwd: import.meta.dirname, env: {} };

afterEach(stopCommands);

test("a command's output comes line by line, and whole at its end", async () => {
  const lines: string[] = [];
  const { ended } = startCommand(["sh", "-c", "echo one; echo $WORD"], {
    cwd: import.meta.dirname,
    env: { WORD: "two" },
    onLine: (line) => lines.push(line),
  });
  expect(await ended).toBe("one\ntwo\n");
  expect(lines).toEqual(["one", "two"]);
});

test("a command that fails says what it wrote to its standard error", async () => {
  const { ended } = startCommand(["sh", "-c", "echo no such topic >&2; exit 3"], options);
  await expect(ended).rejects.toThrow(/ended with 3:\nno such topic/);
});

test("a command that cannot be started is told as that", async () => {
  await expect(startCommand(["/no/such/command"], options).ended).rejects.toThrow("ENOENT");
});

test("what a command left running ends with the benchmark", async () => {
  const { ended } = startCommand(["sh", "-c", "sleep 300 >/dev/null 2>&1 & echo $!"], options);
  const left = Number(await ended);
  expect(identify(left)).toBeDefined();
  await stopCommands();
  expect(identify(left)).toBeUndefined();
});

test("what a running command started ends with it", async () => {
  let child = 0;
  const begun = Promise.withResolvers<void>();
  const { ended } = startCommand(["sh", "-c", "sleep 300 & echo $!; wait"], {
    ...options,
    onLine: (line) => {
      child = Number(line);
      begun.resolve();
    },
  });
  await begun.promise;
  await stopCommands();
  await expect(ended).rejects.toThrow("SIGTERM");
  expect(identify(child)).toBeUndefined();
});
