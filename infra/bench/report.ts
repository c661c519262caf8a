/** What engines measured side by side came to: medians with spread, ratios between engines, as a table and as JSON. */
import { OURS, type Work } from "./engines.ts";
import { ratioOf, type Spread, showSpread, spreadOf } from "./spread.ts";

/** One engine in one round. */
export interface Measured {
  readonly engine: string;
  readonly round: number;
  /** By column; a measure that could not be taken is left out. */
  readonly values: Readonly<Record<string, number>>;
  /** What the checks found wrong; empty when all is right. */
  readonly wrong: readonly string[];
}

export interface Column {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** Ours is set against the others' in this measure. */
  readonly compared?: true;
}

/** All rounds of one work on one input. */
export interface Comparison {
  readonly work: Work;
  /** What was measured: `one reading a record, 8000000 readings`. */
  readonly input: string;
  readonly columns: readonly Column[];
  readonly measured: readonly Measured[];
}

export interface Summary {
  readonly work: Work;
  readonly input: string;
  readonly engines: Readonly<Record<string, Readonly<Record<string, Spread>>>>;
  /** Ours divided by the other's, round by round: `ratios.flink.cpuSPerM`. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, Spread>>>>;
  readonly wrong: readonly string[];
  readonly measured: readonly Measured[];
}

export function summarise({ work, input, columns, measured }: Comparison): Summary {
  const names = [...new Set(measured.map(({ engine }) => engine))];
  const byRound = (engine: string, { key }: Column): Map<number, number> =>
    new Map(
      measured.flatMap((one): [number, number][] =>
        one.engine === engine && one.values[key] !== undefined ? [[one.round, one.values[key]]] : [],
      ),
    );
  const table = (of: (column: Column) => Spread | undefined, among: readonly Column[]) =>
    Object.fromEntries(
      among.flatMap((column): [string, Spread][] => {
        const spread = of(column);
        return spread ? [[column.key, spread]] : [];
      }),
    );
  const compared = columns.filter((column) => column.compared);
  return {
    work,
    input,
    engines: Object.fromEntries(
      names.map((name) => [name, table((column) => spreadOf([...byRound(name, column).values()]), columns)]),
    ),
    ratios: names.includes(OURS)
      ? Object.fromEntries(
          names
            .filter((name) => name !== OURS)
            .map((name) => [
              name,
              table((column) => ratioOf(byRound(OURS, column), byRound(name, column)), compared),
            ]),
        )
      : {},
    wrong: measured.flatMap(({ engine, round, wrong }) =>
      wrong.map((reason) => `${engine}, round ${round + 1}: ${reason}`),
    ),
    measured,
  };
}

export function describeSummary(summary: Summary, columns: readonly Column[]): string {
  const rows = [
    ["", ...columns.map(({ title }) => title)],
    ...Object.entries(summary.engines).map(([name, values]) => [
      name,
      ...columns.map(({ key, digits }) => showSpread(values[key], digits)),
    ]),
  ];
  const compared = columns.filter((column) => column.compared);
  const ratios = Object.entries(summary.ratios).map(
    ([name, values]) =>
      `  ours to ${name}: ${compared
        .filter(({ key }) => values[key])
        .map(({ key, title }) => `${title} × ${showSpread(values[key], 2)}`)
        .join(", ")}`,
  );
  return [
    `${summary.work}, ${summary.input}; median (least-most)`,
    ...aligned(rows),
    ...ratios,
    ...(summary.wrong.length === 0
      ? ["  checks: all right"]
      : summary.wrong.map((reason) => `  WRONG ${reason}`)),
  ].join("\n");
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ")}`.trimEnd(),
  );
}
