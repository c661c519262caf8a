/** The API's thread with a planted bug: a request for `/crash` throws where nobody catches it. */
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import "../entry.ts";

subscribe("http.server.request.start", (message) => {
  const { request } = message as { request: IncomingMessage };
  if (request.url === "/crash")
    setImmediate(() => {
      throw new Error("planted");
    });
});
