/**
 * For whom a request is, as far as can be seen: an address. It is for fairness only, nobody is let in or kept out by who they say
 * they are.
 *
 * CL1  A proxy on this machine says who asks: what it appended last counts. From anywhere else nobody is believed.
 * CL2  Of IPv6 the network counts: everybody has 2^64 addresses.
 */
import type { IncomingMessage } from "node:http";

export function clientOf({ socket, headers }: IncomingMessage): string {
  const peer = clientAt(socket.remoteAddress);
  if (peer !== "this machine") return peer;
  const passedOn = [headers["x-forwarded-for"] ?? []].flat().join(",");
  const last = passedOn.split(",").at(-1)?.trim() ?? "";
  return last === "" ? peer : clientAt(last.slice(0, 64));
}

/** Of an address as a socket has it. */
export function clientAt(address = ""): string {
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  if (plain.startsWith("127.") || plain === "::1") return "this machine";
  return plain.includes(":") ? plain.split(":", 4).join(":") : plain;
}
