import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { API, RequestScanner } from "./kafka-requests.ts";
import { type FaultProxy, openProxy } from "./proxy.ts";

let server: Server;
let proxy: FaultProxy;
let arrived: string;
/** What the server answers to whatever it gets. */
const ANSWER = "answer";

beforeEach(async () => {
  arrived = "";
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      arrived += bytes;
      socket.write(ANSWER);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = await openProxy((server.address() as AddressInfo).port, () => 0.5);
});
afterEach(async () => {
  await proxy.close();
  server.close();
});

function open(): { socket: Socket; heard: () => string; closed: () => boolean } {
  const socket = connect(proxy.port, "127.0.0.1");
  let heard = "";
  let closed = false;
  socket.on("data", (bytes) => {
    heard += bytes;
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
  });
  return { socket, heard: () => heard, closed: () => closed };
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    if (waited > 10_000) throw new Error("not within ten seconds");
    await sleep(10);
  }
}

describe("a fault-injecting proxy", () => {
  it("passes both directions on while nothing is asked of it", async () => {
    const { socket, heard } = open();
    socket.write("request");
    await until(() => heard() === ANSWER);
    expect(arrived).toBe("request");
    socket.destroy();
  });

  it("stalls answers alone, and lets them through when healed", async () => {
    const { socket, heard } = open();
    proxy.impair({ stalled: "answers" });
    socket.write("request");
    await until(() => arrived === "request");
    await sleep(50);
    expect(heard()).toBe("");
    proxy.heal();
    await until(() => heard() === ANSWER);
    socket.destroy();
  });

  it("loses the answer to a request that was done, and ends the connection", async () => {
    const { socket, heard, closed } = open();
    proxy.impair({ intercept: () => ({ kind: "lose-answer" }) });
    socket.write("request");
    await until(closed);
    expect([arrived, heard()]).toEqual(["request", ""]);
  });

  it("cuts a request in its middle", async () => {
    const { socket, closed } = open();
    proxy.impair({ intercept: () => ({ kind: "cut" }) });
    socket.write("request!");
    await until(closed);
    expect(arrived).toBe("requ");
  });

  it("delivers a held request after its sender is gone", async () => {
    const { socket } = open();
    proxy.impair({ intercept: () => ({ kind: "hold", ms: 200 }) });
    socket.write("late");
    await sleep(50);
    socket.destroy();
    expect(arrived).toBe("");
    await until(() => arrived === "late");
  });

  it("strands a request: the sender is cut off at once, the request arrives later", async () => {
    const { socket, closed } = open();
    proxy.impair({ intercept: () => ({ kind: "strand", ms: 200 }) });
    socket.write("stranded");
    await until(closed);
    expect(arrived).toBe("");
    await until(() => arrived === "stranded");
  });

  it("keeps the order of what it delays and loses", async () => {
    const { socket } = open();
    proxy.impair({ delayMs: 5, loss: 0.6 });
    const texts = Array.from({ length: 10 }, (_, i) => `<${i}>`);
    for (const text of texts) {
      socket.write(text);
      await sleep(5);
    }
    await until(() => arrived.length === texts.join("").length);
    expect(arrived).toBe(texts.join(""));
    socket.destroy();
  });

  it("refuses everybody until healed", async () => {
    const before = open();
    proxy.impair({ refusing: true });
    await until(before.closed);
    const during = open();
    await until(during.closed);
    proxy.heal();
    const after = open();
    after.socket.write("again");
    await until(() => after.heard() === ANSWER);
    after.socket.destroy();
  });
});

it("requests are found in the bytes of a connection, however they are cut", () => {
  const request = (key: number, body: number) => {
    const bytes = Buffer.alloc(6 + body);
    bytes.writeInt32BE(2 + body, 0);
    bytes.writeInt16BE(key, 4);
    return bytes;
  };
  const bytes = Buffer.concat([request(API.produce, 100), request(API.endTxn, 3), request(API.produce, 1)]);
  for (const step of [1, 2, 5, 7, 1000]) {
    const scanner = new RequestScanner();
    const keys: number[] = [];
    for (let at = 0; at < bytes.length; at += step)
      keys.push(...scanner.keysIn(bytes.subarray(at, at + step)));
    expect(keys).toEqual([API.produce, API.endTxn, API.produce]);
  }
});
