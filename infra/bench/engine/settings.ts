/** What the peers' runner tells an engine by its environment (`peers/README.md`). Also read in the workers, by the jobs. */
export interface EngineSettings {
  readonly brokers: readonly string[];
  readonly input: string;
  readonly output: string;
  readonly group: string;
  readonly disorderMaxMs: number;
  readonly commitMs: number;
  readonly guarantee: "exactly-once" | "at-least-once";
  readonly parallelism: number;
}

/** @throws Error naming the variable that is missing or wrong. */
export function engineSettings(env: NodeJS.ProcessEnv = process.env): EngineSettings {
  const text = (name: string): string => {
    const value = env[name];
    if (!value) throw new Error(`${name} is not set: the runner of the peers' bench sets it`);
    return value;
  };
  const number = (name: string, otherwise: number): number => {
    const value = Number(env[name] ?? otherwise);
    if (!Number.isInteger(value) || value < 0)
      throw new Error(`${name} is "${env[name]}": give a whole number`);
    return value;
  };
  const state = env.BENCH_STATE ?? "mem";
  if (state !== "mem")
    throw new Error(`BENCH_STATE is "${state}": this engine keeps state in memory ("mem")`);
  const guarantee = env.BENCH_GUARANTEE ?? "eo";
  if (guarantee !== "eo" && guarantee !== "alo")
    throw new Error(`BENCH_GUARANTEE is "${guarantee}": give "eo" or "alo"`);
  return {
    brokers: text("BENCH_BOOTSTRAP").split(","),
    input: text("BENCH_IN"),
    output: text("BENCH_OUT"),
    group: text("BENCH_GROUP"),
    disorderMaxMs: number("BENCH_BOUND_MS", 5_000),
    commitMs: number("BENCH_COMMIT_MS", 1_000),
    guarantee: guarantee === "eo" ? "exactly-once" : "at-least-once",
    parallelism: number("BENCH_P", 2),
  };
}
