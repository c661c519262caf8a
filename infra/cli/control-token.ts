/**
 * The token that the API asks for before it runs a job or takes a correction.
 *
 * CT1  There always is one, on loopback too: other people's programs reach a port of loopback.
 * CT2  Who lets a network in says the token himself: it is to be known to others, and nothing else keeps them out.
 * CT3  One that was said is asked for wherever health is told of, too. One that was made is nobody's to type: pages of this machine
 *      show health without it.
 */
import { BlockList, isIP } from "node:net";
import type { HealthDataRule } from "../../api/security.ts";
import { ConfigError } from "../../runtime/errors.ts";
import { secret } from "../embedded/secrets.ts";
import { TOKEN_VARIABLE } from "./places.ts";

const LENGTH_MIN = 32;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

export interface ControlToken {
  readonly controlToken: string;
  readonly healthData: HealthDataRule;
}

/** @throws ConfigError where `host` lets others in and no token is given that keeps them from what they must not do */
export function controlToken(
  { host, data }: { readonly host: string; readonly data: string },
  env: Readonly<Record<string, string | undefined>> = process.env,
): ControlToken {
  const given = env[TOKEN_VARIABLE];
  if (!isLoopback(host) && (given?.length ?? 0) < LENGTH_MIN) {
    throw new ConfigError(
      `--host ${host} lets others in, and ${TOKEN_VARIABLE} is ${given ? `shorter than ${LENGTH_MIN} characters` : "not set"}: ` +
        "without a token that cannot be guessed they could run programs here. " +
        `Set it (${TOKEN_VARIABLE}=$(openssl rand -hex 32)), or stay on 127.0.0.1`,
    ); // CT2
  }
  if (given) return { controlToken: given, healthData: "token" };
  return { controlToken: secret(data, "control-token"), healthData: "this-machine" }; // CT1, CT3
}

function isLoopback(host: string): boolean {
  const version = isIP(host);
  if (version === 0) return host.toLowerCase() === "localhost";
  return loopback.check(host, version === 4 ? "ipv4" : "ipv6");
}
