/**
 * Landlock: this thread, and every thread and process it starts from then on, opens only the files it is given, listens on one
 * port and connects to nothing. It cannot be taken back.
 *
 * ClickHouse asks for grants before it opens a file for a query, but not everywhere: its function `file()` reads whatever the
 * program may read, and a look at an SQLite file makes it where it is missing. The kernel asks everywhere.
 *
 * Of Linux 5.13 and newer, the network since 6.7; which of it the kernel at hand can is what `confine` returns.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { DataType, load, open } from "ffi-rs";

export interface Allowed {
  /** Folders to read, write, make and delete in. */
  readonly write: readonly string[];
  /** Folders and files to read; one that is not there is left out. */
  readonly read: readonly string[];
  /** Of TCP, to listen on. */
  readonly port: number;
}

/** What is confined: nothing, files, or files and the network. */
export type Confined = "nothing" | "files" | "files and network";

/** Numbers of the kernel's interface: <linux/landlock.h>, and system calls, which are the same on every machine since 5.13. */
const CREATE_RULESET = 444;
const ADD_RULE = 445;
const RESTRICT_SELF = 446;
const ASK_VERSION = 1;
const RULE_PATH_BENEATH = 1;
const RULE_NET_PORT = 2;
const PR_SET_NO_NEW_PRIVS = 38;
const O_PATH = 0o10000000;
/** The rights on files that each version of the interface knows, as the bits from the lowest. */
const FILE_RIGHTS = [13, 14, 15, 15, 16];
const NETWORK_SINCE = 4;
const EXECUTE = 1n << 0n;
const WRITE_FILE = 1n << 1n;
const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
const TRUNCATE = 1n << 14n;
const BIND_TCP = 1n << 0n;
const CONNECT_TCP = 1n << 1n;

type Argument = number | Buffer;

/** Call it on the thread whose code is to be confined. @throws Error when the kernel has Landlock and refuses. */
export function confine({ write, read, port }: Allowed): Confined {
  open({ library: "libc", path: "" });
  const version = call("syscall", CREATE_RULESET, 0, 0, ASK_VERSION);
  if (version < 1) return "nothing";
  const files = (1n << BigInt(FILE_RIGHTS[Math.min(version, FILE_RIGHTS.length) - 1]!)) - 1n;
  const network = version >= NETWORK_SINCE;

  const handled = Buffer.alloc(network ? 16 : 8);
  handled.writeBigUInt64LE(files, 0);
  if (network) handled.writeBigUInt64LE(BIND_TCP | CONNECT_TCP, 8);
  const ruleset = must("create a ruleset", call("syscall", CREATE_RULESET, handled, handled.length, 0));
  const beneath = (path: string, rights: bigint) => allowBeneath(ruleset, path, rights & files);
  for (const path of write) beneath(path, files & ~EXECUTE);
  for (const path of read) beneath(path, READ_FILE | READ_DIR);
  beneath("/dev/null", READ_FILE | WRITE_FILE);
  if (network) {
    const rule = Buffer.alloc(16);
    rule.writeBigUInt64LE(BIND_TCP, 0);
    rule.writeBigUInt64LE(BigInt(port), 8);
    must("allow a port", call("syscall", ADD_RULE, ruleset, RULE_NET_PORT, rule, 0));
  }
  must("give up new rights", call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  must("restrict this thread", call("syscall", RESTRICT_SELF, ruleset, 0));
  closeSync(ruleset);
  return network ? "files and network" : "files";
}

function allowBeneath(ruleset: number, path: string, rights: bigint): void {
  let fd: number;
  try {
    fd = openSync(path, O_PATH | constants.O_RDONLY);
  } catch {
    return;
  }
  const ofFiles = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
  const rule = Buffer.alloc(12);
  rule.writeBigUInt64LE(fstatSync(fd).isDirectory() ? rights : rights & ofFiles, 0);
  rule.writeInt32LE(fd, 8);
  must(`allow ${path}`, call("syscall", ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0));
  // The file stays open: a rule is about an inode, and one of /proc that nobody holds is another the next time.
}

function call(funcName: "syscall" | "prctl", ...values: readonly Argument[]): number {
  const paramsType = values.map((value) => (typeof value === "number" ? DataType.I64 : DataType.U8Array));
  return load({ library: "libc", funcName, retType: DataType.I64, paramsType, paramsValue: [...values] });
}

function must(what: string, result: number): number {
  if (result < 0) throw new Error(`Landlock: the kernel does not let this process ${what}`);
  return result;
}
