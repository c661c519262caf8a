/**
 * The pages: every file of api/web/public, read, stripped of types, and compressed once at start, then served from memory.
 *
 * W1  Only files found at start are served: a request's path is looked up, never joined to a folder.
 * W2  `NAME.ts` is served as `NAME.js`; imports of `./x.ts` in it say `./x.js`.
 * W3  What pages share with the runtime lies outside the folder and is named in SHARED; the path of its import, `../` beyond the
 *     root left out as browsers do, is the path it is served at.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import { dirname, extname, join, sep } from "node:path";
import { gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
};
const COMPRESSED = new Set([".html", ".css", ".js", ".json", ".webmanifest", ".svg"]);
const COMPRESS_MIN = 1024;
/** W3. */
const SHARED = ["runtime/zoned-time.ts"];
const NOT_SERVED = /\.test\.ts$|\.d\.ts$|^tsconfig\.json$|^\./;

interface Page {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
  readonly gzip: Buffer | undefined;
}

/** Reads the folder's files, by path as requested: `/`, `/runner.html`, `/board.js`. */
export function readPages(folder: string): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>();
  const entries = existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }) : [];
  for (const entry of entries) {
    if (!entry.isFile() || NOT_SERVED.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(folder.length).split(sep).join("/");
    const extension = extname(file);
    if (extension === ".ts")
      pages.set(path.replace(/\.ts$/, ".js"), pageOf(".js", scriptOf(readFileSync(file, "utf8"))));
    else if (TYPES[extension]) pages.set(path, pageOf(extension, readFileSync(file)));
  }
  const index = pages.get("/index.html");
  if (index) pages.set("/", index);
  // The chart library: its folder in node_modules is not the program's to lay out.
  const uplot = dirname(createRequire(import.meta.url).resolve("uplot"));
  for (const name of ["uPlot.esm.js", "uPlot.min.css"]) {
    pages.set(`/vendor/uplot/${name}`, pageOf(extname(name), readFileSync(join(uplot, name))));
  }
  for (const name of SHARED) {
    const source = readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
    pages.set(`/${name.replace(/\.ts$/, ".js")}`, pageOf(".js", scriptOf(source)));
  }
  // The library's one-file form makes a global where the browser has none of its own.
  const temporal = join(dirname(createRequire(import.meta.url).resolve("temporal-polyfill")), "global.js");
  pages.set(
    "/vendor/temporal-polyfill.js",
    pageOf(
      ".js",
      Buffer.from(`${readFileSync(temporal, "utf8")}\nexport const { Temporal } = globalThis;\n`),
    ),
  );
  return pages;
}

export function servePages(app: FastifyInstance, pages: ReadonlyMap<string, Page>): void {
  for (const [path, page] of pages) {
    app.get(path, { logLevel: "warn", schema: { hide: true } }, (request, reply) =>
      send(page, request, reply),
    );
  }
}

/** W2. Types are blanked out in place: lines and columns stay those of the source. */
function scriptOf(source: string): Buffer {
  const script = stripTypeScriptTypes(source, { mode: "strip" });
  return Buffer.from(
    script
      .replace(/(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"']+)\.ts\2/g, "$1$2$3.js$2")
      .replace(/(\bfrom\s*)(["'])temporal-polyfill\2/g, "$1$2/vendor/temporal-polyfill.js$2"),
  );
}

function pageOf(extension: string, body: Buffer): Page {
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const gzip = COMPRESSED.has(extension) && body.length >= COMPRESS_MIN ? gzipSync(body) : undefined;
  return { type: TYPES[extension]!, etag, body, gzip };
}

function send(page: Page, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Asked about every time, answered 304 nearly always: a new version is there at once.
  reply.header("etag", page.etag).header("cache-control", "no-cache").header("vary", "accept-encoding");
  if (request.headers["if-none-match"]?.includes(page.etag)) return reply.code(304).send();
  reply.type(page.type);
  if (
    page.gzip &&
    /\bgzip\b(?!\s*;\s*q=0(\.0+)?\s*(,|$))/.test(String(request.headers["accept-encoding"] ?? ""))
  ) {
    return reply.header("content-encoding", "gzip").send(page.gzip);
  }
  return reply.send(page.body);
}
