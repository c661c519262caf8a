/** What a process and those it started listen on, as the kernel says it: a list kept by hand would miss the next port. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { childrenOf } from "./program.ts";

export interface Listening {
  readonly pid: number;
  readonly port: number;
  readonly loopback: boolean;
}

/** State of a socket that listens, in /proc/net/tcp. */
const LISTEN = "0A";
/** 127.0.0.1, ::1 and 127.0.0.1 in IPv6, as they stand there: words of 32 bits, each with its bytes from the last to the first. */
const LOOPBACK = new Set([
  "0100007F",
  "00000000000000000000000001000000",
  "0000000000000000FFFF00000100007F",
]);

export function listeningOf(program: number): Listening[] {
  const pids = familyOf(program);
  const sockets = ["tcp", "tcp6"].flatMap((family) =>
    readFileSync(`/proc/${program}/net/${family}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === LISTEN)
      .map(([, local, , , , , , , , inode]) => {
        const [address, port] = local!.split(":") as [string, string];
        return { inode: inode!, port: Number.parseInt(port, 16), loopback: LOOPBACK.has(address) };
      }),
  );
  return pids.flatMap((pid) => {
    const held = new Set(socketsOf(pid));
    return sockets
      .filter(({ inode }) => held.has(inode))
      .map(({ port, loopback }) => ({ pid, port, loopback }));
  });
}

function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

function socketsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return []; // closed meanwhile
    }
  });
}
