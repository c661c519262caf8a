/**
 * The ports of the embedded services.
 *
 * P1  A port chosen for a data folder is kept for as long as it is free: clients find the service again
 *     after a restart, and Kafka's advertised address stays true.
 * P2  Free ports are taken below the system's ephemeral range. In that range a client that keeps trying to
 *     reach a dead service can be given the service's own port as its source port, connects to itself, and
 *     so keeps the service from coming back.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { ConfigError } from "../../runtime/errors.ts";

const FREE_FIRST = 20_000;
const FREE_COUNT = 10_000;
const ATTEMPTS = 100;

export type PortName = "kafka" | "kafkaController" | "clickHouseHttp";

const USUAL: Readonly<Record<PortName, number>> = {
  kafka: 9092,
  kafkaController: 9093,
  clickHouseHttp: 8123,
};

export type Ports = Readonly<Record<PortName, number>>;

/** What the caller asks for: a port it insists on, 0 for any free one, absent for the remembered or usual one. */
export type PortWishes = Readonly<Partial<Record<PortName, number | undefined>>>;

/** Chooses all ports and remembers them in `file`. Throws `ConfigError` where a port insisted on is taken. */
export async function choosePorts(file: string, wishes: PortWishes): Promise<Ports> {
  const remembered = read(file);
  const chosen: Partial<Record<PortName, number>> = {};
  for (const name of Object.keys(USUAL) as PortName[]) {
    const wish = wishes[name];
    const usable = async (port: number) => !Object.values(chosen).includes(port) && (await isFree(port));
    if (wish) {
      if (!(await usable(wish)))
        throw new ConfigError(`port ${wish} for ${name} is taken: free it or choose another`);
      chosen[name] = wish;
      continue;
    }
    const candidates = [remembered[name], wish === 0 ? undefined : USUAL[name]];
    for (const port of candidates) if (port && (await usable(port))) chosen[name] ??= port;
    chosen[name] ??= await anyFree(usable);
  }
  writeFileSync(file, JSON.stringify(chosen));
  return chosen as Ports;
}

async function anyFree(usable: (port: number) => Promise<boolean>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = FREE_FIRST + Math.floor(Math.random() * FREE_COUNT);
    if (await usable(port)) return port;
  }
  throw new ConfigError(`no free port found between ${FREE_FIRST} and ${FREE_FIRST + FREE_COUNT}`);
}

/** Whether a service could listen on this port of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  return (await whyNot("127.0.0.1", port)) === undefined;
}

/** Before anything is started for it: that a server could listen there. @throws ConfigError why not, and what to do */
export async function mustBeFree(host: string, port: number): Promise<void> {
  const why = await whyNot(host, port);
  if (why === undefined) return;
  throw new ConfigError(
    why === "EADDRINUSE"
      ? `port ${port} of ${host} is taken: give another with --port, or 0 for any free one`
      : why === "EACCES"
        ? `port ${port} of ${host} is not for this user: give one above 1023 with --port`
        : `${host} is no address of this machine (${why}): give another with --host`,
  );
}

/** The code of the error with which listening fails; `undefined`: it does not. */
function whyNot(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}

function read(file: string): Partial<Record<PortName, number>> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Partial<Record<PortName, number>>;
  } catch {
    return {};
  }
}
