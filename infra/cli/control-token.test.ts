import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { secretPath } from "../embedded/secrets.ts";
import { controlToken } from "./control-token.ts";
import { findToken } from "./places.ts";
import { writeRunFile } from "./run-file.ts";

const API = "http://127.0.0.1:8080";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "pacestream-token-"));
});
afterEach(() => rmSync(data, { recursive: true }));

describe("the control token", () => {
  test("is made at the first start, kept, and its owner's to read", () => {
    const { controlToken: first } = controlToken({ host: "127.0.0.1", data }, {});
    expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(controlToken({ host: "::1", data }, {}).controlToken).toBe(first);
    const path = secretPath(data, "control-token");
    expect(readFileSync(path, "utf8").trim()).toBe(first);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(controlToken({ host: "localhost", data: join(data, "other") }, {}).controlToken).not.toBe(first);
  });

  test("of the environment wins, and is asked for wherever health is told of", () => {
    const env = { PACE_CONTROL_TOKEN: "said" };
    expect(controlToken({ host: "127.0.0.1", data }, env)).toEqual({
      controlToken: "said",
      healthData: "token",
    });
    expect(controlToken({ host: "127.0.0.1", data }, {}).healthData).toBe("this-machine");
  });

  test("is sent to the program of the data folder, and to nobody else unless it is said", () => {
    const { controlToken: made } = controlToken({ host: "127.0.0.1", data }, {});
    expect(findToken(data, API, {})).toBeUndefined();
    const remove = writeRunFile(data, {
      api: API,
      kafka: [],
      clickHouse: { url: "http://127.0.0.1:8123", database: "pacestream" },
      embedded: [],
    });
    expect(findToken(data, API, {})).toBe(made);
    expect(findToken(data, "http://10.0.0.1:8080", {})).toBeUndefined();
    expect(findToken(data, "http://10.0.0.1:8080", { PACE_CONTROL_TOKEN: "said" })).toBe("said");
    remove();
  });

  test("that somebody has spoilt is said, with what to do", () => {
    controlToken({ host: "127.0.0.1", data }, {});
    writeFileSync(secretPath(data, "control-token"), "short");
    expect(() => controlToken({ host: "127.0.0.1", data }, {})).toThrow(
      /control-token holds no password .* delete it/,
    );
  });
});

describe("an address that lets others in", () => {
  test.each(["0.0.0.0", "::", "192.168.1.5", "example.org", "128.0.0.1", ""])(
    "%j is refused without a token that cannot be guessed",
    (host) => {
      for (const env of [{}, { PACE_CONTROL_TOKEN: "" }, { PACE_CONTROL_TOKEN: "x".repeat(31) }]) {
        expect(() => controlToken({ host, data }, env)).toThrow(
          /lets others in.*PACE_CONTROL_TOKEN is (not set|shorter).*stay on 127\.0\.0\.1/,
        );
      }
      expect(controlToken({ host, data }, { PACE_CONTROL_TOKEN: "x".repeat(32) }).healthData).toBe("token");
    },
  );

  test.each(["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"])("%j is none", (host) => {
    expect(controlToken({ host, data }, {}).healthData).toBe("this-machine");
  });
});
