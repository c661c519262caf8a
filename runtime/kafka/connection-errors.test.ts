import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Connection } from "./library.ts";

test("a broker that goes away while a client authenticates is an error of the question, and ends nothing", async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => unheard.push(error);
  process.on("uncaughtException", hear);
  // It takes what comes first, and is gone before it answers.
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.resetAndDestroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    for (let i = 0; i < 5; i++) {
      const connection = new Connection("c", {
        sasl: { mechanism: "PLAIN", username: "u", password: "p" },
        connectTimeout: 5_000,
        requestTimeout: 5_000,
      });
      await expect(connection.connect("127.0.0.1", port)).rejects.toThrow();
    }
    await sleep(50);
    expect(unheard).toEqual([]);
  } finally {
    process.off("uncaughtException", hear);
    server.close();
  }
});
