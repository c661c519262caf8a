/**
 * The next version of the product, to be deployed and taken back: a copy of its folder in which state, and what travels between
 * stages, has fields that the present one does not know. What one version keeps or sends the other has to read, by Avro's schema
 * resolution (`state/schema-ledger.ts`, `exchange/exchange-schemas.ts`).
 */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../cli/places.ts";

const COPIED = ["api", "infra", "jobs", "runtime", "schemas", "package.json", "tsconfig.json"];
/** Where the record lies that gets a field. */
const CHANGED = {
  KeptRead: "runner-step.ts",
  Presence: "health/lost-signal.ts",
  OpenAlert: "health/alert-life.ts",
  Part: "aggregates/results.ts",
};
const FIELD = '{ name: "sinceNextVersion", type: "int", default: 0 },';

/** @param folder is made. @throws Error when a record is not found where it should be. */
export function makeNextVersion(folder: string): void {
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const [record, file] of Object.entries(CHANGED)) {
    const path = join(folder, "jobs/lib", file);
    writeFileSync(path, withField(readFileSync(path, "utf8"), record));
  }
}

export function withField(source: string, record: string): string {
  const head = new RegExp(`name: "${record}",\\s+fields: \\[`);
  if (!head.test(source)) throw new Error(`there is no schema of a record ${record} to give a field to`);
  return source.replace(head, (found) => `${found} ${FIELD}`);
}
