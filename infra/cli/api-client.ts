/** Calls of the HTTP API, with its refusals as errors in its own words. */
import { PacestreamError } from "../../runtime/errors.ts";

const TIMEOUT_MS = 30_000;

export interface ApiClient {
  readonly base: string;
  /** The answer's JSON. @throws PacestreamError with the API's code and message; `API_UNREACHABLE` when nothing answers. */
  call<T>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<T>;
}

/** @param token sent as a bearer token: the API asks for one where it was given one. */
export function apiClient(base: string, token: string | undefined): ApiClient {
  return {
    base,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      let response: Response;
      try {
        response = await fetch(base + path, {
          method,
          headers: {
            ...(body !== undefined && { "content-type": "application/json" }),
            ...(token && { authorization: `Bearer ${token}` }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
      } catch (error) {
        throw new PacestreamError("API_UNREACHABLE", `${base} does not answer: ${reasonOf(error)}`, "retry");
      }
      const text = await response.text();
      const answer = parse(text);
      if (response.ok) return answer as T;
      const { code, message } = (answer ?? {}) as { code?: string; message?: string };
      throw new PacestreamError(
        code ?? `HTTP_${response.status}`,
        message ?? `${method} ${path}: ${response.status} ${text.slice(0, 200)}`,
      );
    },
  };
}

function parse(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  // fetch says "fetch failed"; what failed stands in its cause.
  return cause instanceof Error && cause.message ? cause.message : message;
}
