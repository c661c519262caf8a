import { expect, test } from "vitest";
import { docsPage } from "./page.ts";

const HOSTILE = '<img src=x onerror=alert(1)>"&`<b>`';

test("whatever stands in the description is text", () => {
  const page = docsPage({
    info: { title: HOSTILE, description: HOSTILE, version: "1" },
    tags: [{ name: "live", description: HOSTILE }],
    paths: {
      "/<x>": {
        post: {
          tags: ["live"],
          summary: HOSTILE,
          description: HOSTILE,
          parameters: [
            { in: "query", name: HOSTILE, schema: { type: "string", enum: [HOSTILE], description: HOSTILE } },
          ],
          responses: { 200: { description: HOSTILE } },
        },
      },
    },
  });
  expect(page).not.toMatch(/<img|<b>|<x>/);
  expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;&quot;&amp;<code>&lt;b&gt;</code>");
});

test("fields inside others are told with their path, numbers with their bounds", () => {
  const page = docsPage({
    info: { title: "T", version: "1" },
    tags: [{ name: "live" }],
    paths: {
      "/v1/x": {
        get: {
          tags: ["live"],
          parameters: [
            { in: "query", name: "limit", schema: { type: "integer", minimum: 1, maximum: 9, default: 5 } },
          ],
          responses: {
            200: {
              content: {
                "application/json": {
                  schema: {
                    type: "object",
                    required: ["rows"],
                    properties: {
                      rows: {
                        type: "array",
                        items: { type: "object", properties: { place: { type: ["integer", "null"] } } },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  });
  expect(page).toContain("integer 1 to 9, default 5, optional");
  expect(page).toContain("<code>rows[].place</code>");
  expect(page).toContain("integer or null, optional");
});
