/**
 * The configuration of the embedded ClickHouse: who may ask it, from where, and for what.
 *
 * CC1  No one without a password. The queries that make it serve are `default`'s, who has none: it may have one session, which
 *      is theirs for as long as the process lives, and no rights beyond what they need.
 * CC2  Nobody reaches a file, another server or a program through it: not by table functions, not by engines. People only read.
 * CC3  Pages of other origins, and names that only a foreign name server takes for this machine, are not answered at all.
 * CC4  No password stands in it, only what it hashes to.
 */
import { createHash } from "node:crypto";
import { ACCOUNT, DATABASE, READER } from "./accounts.ts";

/**
 * What the program does: tables and views of its own kind, rows, and their settings; and a table that keeps nothing, for as long as
 * a session, to ask which rows would be refused (runtime/sinks/clickhouse/trial.ts).
 */
const RIGHTS = [
  "SELECT, INSERT, TRUNCATE, OPTIMIZE, ALTER TABLE, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP DATABASE, DROP TABLE, DROP VIEW ON *.*",
  "CREATE ARBITRARY TEMPORARY TABLE ON *.*",
  "TABLE ENGINE ON MergeTree",
  "TABLE ENGINE ON Null",
];
/** Of `ALTER TABLE`, what reaches out of the table; and databases that are not the program's. */
const WITHOUT = [
  "ALTER FETCH PARTITION, ALTER FREEZE PARTITION, ALTER MOVE PARTITION ON *.*",
  "ALL ON default.*",
  "INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE ON system.*",
];

export interface Passwords {
  readonly own: string;
  readonly reader: string;
}

/** `config.xml` */
export function serverConfig(configFolder: string, port: number): string {
  const names = String.raw`(127\.0\.0\.1|localhost)`;
  // Somebody may have brought the port elsewhere, as a tunnel does; a page of another port is another origin.
  const ours = `<Host>regex:${names}(:\\d+)?</Host><Origin>regex:(http://${names}:${port})?</Origin>`;
  const rule = (url: string, methods: string, handler: string) =>
    `<rule><url>${url}</url><methods>${methods}</methods><headers>${ours}</headers><handler>${handler}</handler></rule>`;
  return `<clickhouse>
  <users_config>${escapeXml(configFolder)}/users.xml</users_config>
  <remote_url_allow_hosts></remote_url_allow_hosts>
  <http_handlers>
    ${rule("/", "GET,HEAD,POST", "<type>dynamic_query_handler</type><query_param_name>query</query_param_name>")}
    ${rule("/ping", "GET,HEAD", "<type>ping</type>")}
    ${rule("/play", "GET,HEAD", "<type>play</type>")}
  </http_handlers>
</clickhouse>
`; // CC3
}

/** `users.xml` */
export function usersConfig({ own, reader }: Passwords): string {
  return `<clickhouse>
  <profiles>
    <default></default>
    <serving><max_sessions_for_user>1</max_sessions_for_user></serving>
    <reading><readonly>2</readonly><max_memory_usage>2000000000</max_memory_usage></reading>
  </profiles>
  <quotas><default></default></quotas>
  <users>
    <default>
      <no_password/>${from("serving")}
      ${grants(["SYSTEM LISTEN ON *.*", "SELECT ON system.numbers"])}
    </default>
    <${ACCOUNT}>
      ${password(own)}${from("default")}
      ${grants(RIGHTS, WITHOUT)}
    </${ACCOUNT}>
    <${READER}>
      ${password(reader)}${from("reading")}
      <default_database>${DATABASE}</default_database>
      ${grants([`SELECT ON ${DATABASE}.*`])}
    </${READER}>
  </users>
</clickhouse>
`;
}

const from = (profile: string) =>
  `<networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile><quota>default</quota>`;

const password = (text: string) =>
  `<password_sha256_hex>${createHash("sha256").update(text).digest("hex")}</password_sha256_hex>`; // CC4

function grants(granted: readonly string[], revoked: readonly string[] = []): string {
  const query = (verb: string) => (what: string) => `<query>${verb} ${what}</query>`;
  return `<grants>${[...granted.map(query("GRANT")), ...revoked.map(query("REVOKE"))].join("")}</grants>`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
