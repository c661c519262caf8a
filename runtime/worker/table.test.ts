import { describe, expect, it } from "vitest";
import { codecOf, job, type Table as Rows, topic } from "../index.ts";
import { JobHarness } from "../testing/index.ts";
import { Table } from "./table.ts";

interface Row {
  id: string;
  value: string;
}
const Row = codecOf<Row>("row", {
  type: "record",
  name: "Row",
  fields: [
    { name: "id", type: "string" },
    { name: "value", type: "string" },
  ],
});
const Text = codecOf<string>("text", "string");

/** Two stages look into the table. */
const looking = job("looking", (flow) => {
  const rows = flow.table(topic("rows", Row), { keyOf: ({ id }) => (id === "cut" ? "\ud83d" : id) });
  const look = {
    emits: Text,
    tables: { rows },
    process(id: string, { tables, emit }: { tables: { rows: Rows<Row> }; emit(text: string): void }) {
      emit(`${id} ${tables.rows.get(id.slice(0, 2))?.value}`);
    },
  };
  flow
    .from(topic("in", Text))
    .keyBy((id) => id)
    .process("look", look)
    .keyBy((id) => id, { exchange: { name: "again", codec: Text } })
    .process("look-again", look)
    .to(topic("out", Text));
});

function harness(options: object = {}) {
  const harness = new JobHarness(looking, options);
  const looked = (id: string) => {
    harness.send("in", Text, id, id);
    harness.run();
    return harness
      .output("out", Text)
      .filter((text) => text.startsWith(`${id} `))
      .at(-1);
  };
  return { harness, looked };
}

describe("a table of a job", () => {
  it("has its rows under what keyOf gives, whatever their Kafka keys, and loses them by those", () => {
    const { harness: h, looked } = harness({ partitions: 1 });
    h.send("rows", Row, "tenant/r1", { id: "r1", value: "one" });
    expect(looked("r1")).toBe("r1 one one");
    h.send("rows", Row, "tenant/r1", { id: "r2", value: "two" });
    expect([looked("r1"), looked("r2")]).toEqual(["r1 undefined undefined", "r2 two two"]);
    h.sendBytes("rows", "r2", null);
    expect(looked("r2")).toBe("r2 two two");
    h.sendBytes("rows", "tenant/r1", null);
    expect(looked("r2")).toBe("r2 undefined undefined");
  });

  it("tells of what is no row once, whatever reads it: stages, tasks, restarts, crashes", () => {
    let epoch = 0;
    const crash = () => (epoch++ % 3 === 1 ? ("before-commit" as const) : undefined);
    const { harness: h, looked } = harness({ partitions: 3, crash });
    h.send("rows", Row, "k1", { id: "r1", value: "one" });
    h.sendBytes("rows", "k2", Buffer.of(0x7f));
    h.sendBytes("rows", "k3", Row.encode({ id: "cut", value: "" }));
    h.sendBytes("rows", null, Row.encode({ id: "r9", value: "" }));
    for (let i = 0; i < 4; i++) {
      expect(looked("r1")).toBe("r1 one one");
      h.restart();
    }
    expect(looked("r9")).toBe("r9 undefined undefined");
    const letters = h.deadLetters().map(({ step, topic, reason }) => `${step} ${topic}: ${reason}`);
    expect(letters.sort()).toEqual([
      expect.stringMatching(/^table rows: keyOf gave "\\ud83d", with half of a surrogate pair/),
      "table rows: row: the value is truncated",
      "table rows: the key is null, and so it is no row",
    ]);
    h.sendBytes("rows", "k4", Buffer.of(0x7f));
    h.run();
    expect(h.deadLetters()).toHaveLength(4);
  });
});

it("what a table holds follows from its topic as it is: of rows of one name the last one stands, and the one before comes back", () => {
  const table = new Table();
  table.put("k1", "r", 1);
  table.put("k2", "r", 2);
  expect(table.content.get("r")).toBe(2);
  table.put("k1", "r", 3);
  expect(table.content.get("r")).toBe(3);
  table.delete("k1");
  expect(table.content.get("r")).toBe(2);
  table.put("k2", "other", 4);
  expect([...table.content]).toEqual([["other", 4]]);
  table.delete("k2");
  table.delete("k2");
  expect(table.content.size).toBe(0);
});
