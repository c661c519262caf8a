/** A TCP proxy before ClickHouse that loses what a test wants lost. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import type { ClickHouseConnection } from "../../../config.ts";

export type Fault =
  /** Nobody answers. */
  | "refused"
  /** The connection ends in the middle of the request. */
  | "request-cut"
  /** ClickHouse does what it is asked, and its answer is lost. */
  | "answer-lost";

export interface FaultyProxy {
  readonly clickHouse: ClickHouseConnection;
  /** For each new connection or answer: what goes wrong, undefined for nothing. */
  fault: () => Fault | undefined;
  close(): Promise<void>;
}

export async function faultyProxy(clickHouse: ClickHouseConnection): Promise<FaultyProxy> {
  const target = new URL(clickHouse.url);
  const sockets = new Set<Socket>();
  const server = createServer((inbound) => {
    const outbound = connect(Number(target.port), target.hostname);
    const end = () => {
      inbound.destroy();
      outbound.destroy();
    };
    for (const socket of [inbound, outbound]) {
      sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        sockets.delete(socket);
        end();
      });
    }
    let fault: Fault | undefined;
    inbound.on("data", (bytes) => {
      fault = proxy.fault();
      if (fault === "refused") return end();
      outbound.write(fault === "request-cut" ? bytes.subarray(0, bytes.length >> 1) : bytes);
      if (fault === "request-cut") outbound.end(end);
    });
    outbound.on("data", (bytes) => {
      if (fault === "answer-lost") return end();
      inbound.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: FaultyProxy = {
    clickHouse: { ...clickHouse, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    fault: () => undefined,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}
