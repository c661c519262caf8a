import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const ROOT = join(import.meta.dirname, "../..");
const { groups } = parse(readFileSync(join(import.meta.dirname, "alerts.yml"), "utf8")) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);

/** Names of metrics as the code that makes them has them. */
function metrics(): Set<string> {
  const names = new Set<string>();
  for (const folder of ["api", "runtime"]) {
    for (const file of readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
      const source = readFileSync(join(ROOT, folder, file), "utf8");
      for (const [, name] of source.matchAll(/name: "(pacestream_\w+)"/g)) names.add(name!);
    }
  }
  return names;
}

describe("the alert rules", () => {
  it("are there, each with a name of its own", () => {
    expect(rules.length).toBeGreaterThan(4);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
  it("ask for metrics that are there", () => {
    const known = metrics();
    for (const { alert, expr } of rules) {
      const asked = [...expr.matchAll(/pacestream_\w+/g)].map(([name]) => name);
      expect(asked.length, alert).toBeGreaterThan(0);
      for (const name of asked) expect(known, alert).toContain(name.replace(/_bucket$/, ""));
    }
  });
  it("have what Prometheus wants of them, and say what to do", () => {
    for (const { alert, expr, for: held, labels, annotations } of rules) {
      for (const [open, close] of ["()", "[]", "{}"].map((pair) => [...pair]))
        expect(expr.split(open!).length, alert).toBe(expr.split(close!).length);
      if (held !== undefined) expect(held, alert).toMatch(/^\d+[smh]$/);
      expect(["page", "ticket"], alert).toContain(labels.severity);
      expect(annotations.summary && annotations.description, alert).toBeTruthy();
    }
  });
});
