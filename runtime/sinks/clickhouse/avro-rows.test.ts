import { expect, test } from "vitest";
import { codecOf } from "../../../schemas/index.ts";
import { AvroRows, columnName, rowFormat } from "./avro-rows.ts";

const schema = {
  type: "record",
  name: "Sample",
  fields: [
    { name: "bib", type: "string" },
    { name: "netS", type: ["null", "double"] },
  ],
};
const Sample = codecOf<{ bib: string; netS: number | null }>("sample", schema);
const Row = codecOf<Record<string, unknown>>("row", {
  ...schema,
  fields: [...schema.fields, { name: "kafkaPartition", type: "int" }, { name: "kafkaOffset", type: "long" }],
});

test("column names are the fields' in small letters, and where the record came from", () => {
  expect(columnName("paceSPerKm")).toBe("pace_s_per_km");
  expect(rowFormat(Sample).columns).toEqual(["bib", "net_s", "kafka_partition", "kafka_offset"]);
});

test("a row is the record's bytes and its place, readable as one Avro record", () => {
  const rows = new AvroRows(1);
  const offsets = [0, 63, 64, 2 ** 31, 2 ** 53 - 2];
  for (const offset of offsets) {
    const value = Sample.encode({ bib: "17", netS: offset % 2 ? null : 0.5 });
    const buffer = Buffer.concat([Buffer.from("before"), value, Buffer.from("after")]);
    rows.append(buffer, 6, 6 + value.length, 300, offset);
  }
  const [header, block, body, sync] = rows.file(rowFormat(Sample));
  expect(header!.toString("latin1", 0, 3)).toBe("Obj");
  expect(header!.subarray(-16)).toEqual(sync);
  expect(block![0]).toBe(offsets.length * 2);
  let at = 0;
  for (const offset of offsets) {
    const row = { bib: "17", netS: offset % 2 ? null : 0.5, kafkaPartition: 300, kafkaOffset: offset };
    const bytes = Row.encode(row);
    expect(body!.subarray(at, at + bytes.length)).toEqual(bytes);
    at += bytes.length;
  }
  expect(at).toBe(body!.length);
});

test("after clear it starts anew", () => {
  const rows = new AvroRows();
  const value = Sample.encode({ bib: "17", netS: null });
  rows.append(value, 0, value.length, 0, 1);
  rows.clear();
  expect([rows.count, rows.bytes]).toEqual([0, 0]);
});
