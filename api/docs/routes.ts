/** The API's description: for people at `/docs`, for programs at `/docs/json`. */
import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { type Description, docsPage } from "./page.ts";

/** Made when it is first asked for: by then all routes are there. */
export function docsRoutes(app: FastifyInstance): void {
  let page: { readonly html: string; readonly etag: string } | undefined;
  const made = () => {
    const html = docsPage(app.swagger() as unknown as Description);
    const etag = `"${createHash("sha256").update(html).digest("base64url").slice(0, 22)}"`;
    return { html, etag };
  };
  for (const path of ["/docs", "/docs/"]) {
    app.get(path, { logLevel: "warn", schema: { hide: true } }, (request, reply) => {
      page ??= made();
      reply.header("etag", page.etag).header("cache-control", "no-cache");
      if (request.headers["if-none-match"]?.includes(page.etag)) return reply.code(304).send();
      return reply.type("text/html; charset=utf-8").send(page.html);
    });
  }
  app.get("/docs/json", { logLevel: "warn", schema: { hide: true } }, () => app.swagger());
}
