import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { clientAt, clientOf } from "./client-of.ts";

const asked = (remoteAddress: string | undefined, passedOn?: string | string[]) =>
  clientOf({
    socket: { remoteAddress },
    headers: passedOn === undefined ? {} : { "x-forwarded-for": passedOn },
  } as unknown as IncomingMessage);

test("a client is an address, of IPv6 the network", () => {
  expect(clientAt("192.0.2.7")).toBe("192.0.2.7");
  expect(clientAt("::ffff:192.0.2.7")).toBe("192.0.2.7");
  expect(clientAt("2001:db8:1:2:3:4:5:6")).toBe(clientAt("2001:db8:1:2:ffff::1"));
  expect(clientAt("2001:db8:1:3::1")).not.toBe(clientAt("2001:db8:1:2::1"));
  for (const here of ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
    expect(clientAt(here)).toBe("this machine");
});

test("a proxy on this machine says who asks, by what it added last; nobody else is believed", () => {
  expect(asked("127.0.0.1")).toBe("this machine");
  expect(asked("127.0.0.1", "198.51.100.1, 192.0.2.7")).toBe("192.0.2.7");
  expect(asked("127.0.0.1", "")).toBe("this machine");
  expect(asked("127.0.0.1", "x".repeat(100_000)).length).toBeLessThanOrEqual(64);
  expect(asked("203.0.113.5", "192.0.2.7")).toBe("203.0.113.5");
  expect(asked(undefined)).toBe("");
});
