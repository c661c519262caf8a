/**
 * Lets a thread load a job's code as it was submitted, each version beside those before it: its files have the addresses that
 * they have on disk, and `?job=HASH` after them.
 *
 * S1  A file of the job is what was submitted, never what lies on this node's disk now.
 * S2  A file of the project that was not submitted with the job is not loaded by it.
 */
import { registerHooks } from "node:module";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { JobError } from "../errors.ts";
import { isNodesOwn, type JobCode, type JobFile } from "./job-code.ts";

interface Version {
  readonly root: string;
  readonly module: string;
  readonly files: ReadonlyMap<string, JobFile>;
}

const versions = new Map<string, Version>();
const MARK = "job";

/** The module's exports. @param root the project's folder on this node. */
export async function importSubmitted(root: string, code: JobCode): Promise<unknown> {
  if (versions.size === 0) registerHooks({ resolve, load });
  versions.set(code.hash, {
    root,
    module: code.module,
    files: new Map(code.files.map((file) => [file.path, file])),
  });
  return import(marked(pathToFileURL(join(root, code.module)), code.hash));
}

const resolve: NonNullable<Parameters<typeof registerHooks>[0]["resolve"]> = (specifier, context, next) => {
  const parent = context.parentURL === undefined ? undefined : versionOf(context.parentURL);
  if (!parent) return next(specifier, context);
  const { hash, version } = parent;
  const own = (url: string) => {
    const path = pathIn(version, url);
    return path !== undefined && version.files.has(path);
  };
  // Not by the disk, where the file may be gone (S1).
  if (/^(\.{0,2}\/|file:)/.test(specifier)) {
    const url = new URL(specifier, context.parentURL);
    if (own(url.href)) {
      return {
        url: marked(url, hash),
        format: version.files.get(pathIn(version, url.href)!)!.format,
        importAttributes: context.importAttributes,
        shortCircuit: true,
      };
    }
  }
  const found = next(specifier, context);
  if (own(found.url)) return { ...found, url: marked(new URL(found.url), hash) };
  if (pathIn(version, found.url) !== undefined && !isNodesOwn(fileURLToPath(found.url))) {
    throw new JobError(
      `${version.module} loads ${pathIn(version, found.url)}, which it did not when it was submitted: import it at the top of a file, and submit the job again`, // S2
    );
  }
  return found;
};

const load: NonNullable<Parameters<typeof registerHooks>[0]["load"]> = (url, context, next) => {
  const found = versionOf(url);
  if (!found) return next(url, context);
  const { format, source } = found.version.files.get(pathIn(found.version, url)!)!;
  return { format, source, shortCircuit: true };
};

function marked(url: URL, hash: string): string {
  const copy = new URL(url);
  copy.search = `?${MARK}=${hash}`;
  return copy.href;
}

function versionOf(url: string): { readonly hash: string; readonly version: Version } | undefined {
  if (!url.startsWith("file:")) return undefined;
  const hash = new URL(url).searchParams.get(MARK);
  const version = hash === null ? undefined : versions.get(hash);
  return version && { hash: hash!, version };
}

/** The path from the project's root, or `undefined` for what lies elsewhere. */
function pathIn({ root }: Version, url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = relative(root, fileURLToPath(url));
  return path.startsWith("..") ? undefined : path.split(sep).join("/");
}
