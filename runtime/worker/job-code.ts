/**
 * The code of a job as it was submitted: its module and every file of the project that it loads. It travels in the job's
 * record, so that every node and thread runs what was submitted, whatever has become of the files on their disks since.
 *
 * What belongs to the program itself (runtime/, schemas/) or to packages is no part of it: each node has its own.
 */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join, sep } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { JobError } from "../errors.ts";

export interface JobFile {
  /** From the project's root, with slashes. */
  readonly path: string;
  /** What Node takes it for: `module-typescript`, `json`. */
  readonly format: string;
  readonly source: string;
}

export interface JobCode {
  /** The path of the file whose default export is the job. */
  readonly module: string;
  /** The same for the same code. */
  readonly hash: string;
  readonly files: readonly JobFile[];
}

/** With room for the rest of a record in a megabyte, Kafka's limit. */
const PACKED_MAX = 700_000;

export function jobCode(module: string, files: readonly JobFile[]): JobCode {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const hash = createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 16);
  return { module, hash, files: sorted };
}

/** As text for a record. @throws JobError when it is too much. */
export function packCode(code: JobCode): string {
  const packed = gzipSync(JSON.stringify(code)).toString("base64");
  if (packed.length > PACKED_MAX) {
    const largest = [...code.files].sort((a, b) => b.source.length - a.source.length).slice(0, 3);
    throw new JobError(
      `${code.module}: with what it imports it has ${packed.length} bytes of code, more than the ${PACKED_MAX} that a job may have; ` +
        `most of it is ${largest.map(({ path }) => path).join(", ")}: read data from a topic or a file instead`,
    );
  }
  return packed;
}

export const unpackCode = (packed: string): JobCode =>
  JSON.parse(gunzipSync(Buffer.from(packed, "base64")).toString("utf8")) as JobCode;

const PROGRAM = realpathSync(join(import.meta.dirname, "../.."));
const OWN = ["runtime", "schemas"].map((folder) => join(PROGRAM, folder) + sep);

/** Whether a file is the program's own or a package's. @param path absolute, without symbolic links. */
export const isNodesOwn = (path: string): boolean =>
  path.includes(`${sep}node_modules${sep}`) || OWN.some((folder) => path.startsWith(folder));
