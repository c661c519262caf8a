/** The engines that are measured side by side, and how each is started and set (`peers/README.md`). */
export type Work = "windows" | "alerts";

export interface Engine {
  readonly name: string;
  /** The command of the engine, after which the runner waits for what it puts out. */
  readonly command: (work: Work, runScript: string) => readonly string[];
  /** Of the peers' pom.xml and sources; absent for what is not built there. */
  readonly profile?: "flink" | "kstreams";
  readonly env: Readonly<Record<string, string>>;
  /** Works on which it is measured; state beyond the heap says nothing about latency. */
  readonly works: readonly Work[];
}

export const OURS = "pacestream";

const peer = (profile: string) => (work: Work, runScript: string) => [runScript, `exec-${profile}`, work];

export const ENGINES: readonly Engine[] = [
  {
    name: OURS,
    command: (work) => ["npm", "run", "--silent", "bench:engine", "--", work],
    env: { BENCH_STATE: "mem" },
    works: ["windows", "alerts"],
  },
  {
    name: "flink",
    command: peer("flink"),
    profile: "flink",
    env: { BENCH_STATE: "mem" },
    works: ["windows", "alerts"],
  },
  {
    name: "kstreams",
    command: peer("kstreams"),
    profile: "kstreams",
    env: { BENCH_STATE: "mem", BENCH_EMIT: "final" },
    works: ["windows", "alerts"],
  },
  {
    name: "flink-rocksdb",
    command: peer("flink"),
    profile: "flink",
    env: { BENCH_STATE: "rocksdb" },
    works: ["windows"],
  },
  {
    name: "kstreams-rocksdb",
    command: peer("kstreams"),
    profile: "kstreams",
    env: { BENCH_STATE: "rocksdb", BENCH_EMIT: "final" },
    works: ["windows"],
  },
];

/** The engines of these names that do this work. @throws Error naming those there are. */
export function enginesOf(work: Work, names: readonly string[]): Engine[] {
  const able = ENGINES.filter((engine) => engine.works.includes(work));
  return names.map((name) => {
    const engine = able.find((one) => one.name === name);
    if (!engine)
      throw new Error(
        `no engine "${name}" for ${work}: give some of ${able.map((one) => one.name).join(",")}`,
      );
    return engine;
  });
}

/** The order of a round: turned by one each round, so that no engine always comes first or after the same one. */
export function orderOfRound<T>(engines: readonly T[], round: number): T[] {
  const first = round % Math.max(1, engines.length);
  return [...engines.slice(first), ...engines.slice(0, first)];
}
