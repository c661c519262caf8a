/** The embedded services, tried by who has no business with them, and by who has some and wants more. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ClickHouseConnection, clickHouseVariables } from "../../runtime/config.ts";
import { describeTopics, ensureTopics } from "../../runtime/kafka/admin.ts";
import { applyMigrations } from "../clickhouse/migrate.ts";
import { clickHouseReaderOf, kafkaOf } from "./accounts.ts";
import { startChild } from "./child.ts";
import { openDataFolder } from "./data-folder.ts";
import { kafkaSpec } from "./kafka.ts";
import { choosePorts } from "./ports.ts";
import { type Services, startServices } from "./services.ts";

let outside: string;
let dataDir: string;
let services: Services;
let own: ClickHouseConnection;
let reader: ClickHouseConnection;
/** Of the machine, that a query could be made to reach. */
let called: string[];
const server = createServer((request, response) => {
  called.push(`${request.method} ${request.url}`);
  response.end("1");
});
let elsewhere: string;

beforeAll(async () => {
  outside = mkdtempSync(join(tmpdir(), "doors-outside-"));
  dataDir = mkdtempSync(join(tmpdir(), "doors-"));
  called = [];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  elsewhere = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  services = await startServices({ dataDir, kafkaPort: 0, clickHousePort: 0, log: () => {} });
  own = services.clickHouse;
  reader = clickHouseReaderOf(dataDir, own.url);
  await applyMigrations(own);
  await ask(own, "CREATE TABLE kept (n UInt32) ENGINE = MergeTree ORDER BY n");
  await ask(own, "INSERT INTO kept SELECT number FROM numbers(3)");
});
afterAll(async () => {
  await services?.stop();
  server.close();
  for (const folder of [outside, dataDir]) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(
  { url, username, password, database }: ClickHouseConnection,
  query: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const account = { "X-ClickHouse-User": username, "X-ClickHouse-Key": password };
  const answer = await fetch(`${url}/?database=${database}`, {
    method: "POST",
    headers: { ...account, ...headers },
    body: query,
  });
  return { status: answer.status, text: await answer.text() };
}

/** Says bytes to a port and what comes back until the other side closes, or `waitMs` is over. */
function say(
  port: number,
  bytes: Buffer | string,
  waitMs = 2_000,
): Promise<{ back: Buffer; closed: boolean }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(bytes));
    const end = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ back: Buffer.concat(chunks), closed });
    };
    const timer = setTimeout(() => end(false), waitMs);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("close", () => end(true));
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNREFUSED" ? reject(error) : end(true),
    );
  });
}

const portOf = (url: string): number => Number(new URL(url).port);

describe("the embedded ClickHouse", () => {
  test("answers nobody without a password, whatever name is given", async () => {
    for (const account of [{}, { "X-ClickHouse-User": "default" }, { "X-ClickHouse-User": own.username }]) {
      const answer = await fetch(own.url, { method: "POST", headers: account, body: "SELECT 1" });
      expect([account, answer.status >= 400]).toEqual([account, true]);
      const bySearch = await fetch(`${own.url}/?query=SELECT+1&user=default&password=`, { headers: account });
      expect([account, bySearch.status >= 400]).toEqual([account, true]);
    }
    expect((await ask({ ...reader, password: "x".repeat(43) }, "SELECT 1")).status).toBe(403);
    expect((await ask(reader, "SELECT 1")).text).toBe("1\n");
  });

  test("answers no page of another origin and no name but this machine's, its own page included", async () => {
    const { port } = new URL(own.url);
    for (const Origin of [
      "null",
      "http://evil.example",
      "http://127.0.0.1:1",
      `http://evil.example:${port}`,
    ]) {
      expect([Origin, (await ask(reader, "SELECT 1", { Origin })).status]).toEqual([Origin, 404]);
    }
    for (const Origin of [own.url, `http://localhost:${port}`]) {
      expect((await ask(reader, "SELECT 1", { Origin })).text).toBe("1\n");
    }
    for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1.evil.example", ""]) {
      for (const path of ["/", "/play", "/ping"]) {
        const request = `GET ${path}?query=SELECT+1 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
        const { back } = await say(Number(port), request);
        expect([host, path, back.toString().split("\r\n", 1)[0]]).toEqual([
          host,
          path,
          "HTTP/1.1 404 Not Found",
        ]);
      }
    }
    expect((await fetch(`${own.url}/play`)).status).toBe(200);
  });

  const ways: readonly (readonly [string, (place: { path: string; url: string; host: string }) => string])[] =
    [
      ["file, to read", () => "SELECT * FROM file('/etc/hostname', 'LineAsString')"],
      ["file, to write", ({ path }) => `INSERT INTO FUNCTION file('${path}', 'TSV', 'a Int8') SELECT 1`],
      ["the function file", () => "SELECT file('/etc/hostname')"],
      [
        "the function file, by another name",
        () => "SELECT * APPLY(`\\x66ile`) FROM (SELECT '/etc/hostname' AS x)",
      ],
      ["a file of the default database", () => "SELECT * FROM default.`/etc/hostname`"],
      ["url, to read", ({ url }) => `SELECT * FROM url('${url}', 'LineAsString')`],
      ["url, to write", ({ url }) => `INSERT INTO FUNCTION url('${url}', 'TSV', 'a Int8') SELECT 1`],
      ["s3", ({ url }) => `SELECT * FROM s3('${url}/abcd/x', 'TSV', 'a Int8')`],
      ["gcs", ({ url }) => `SELECT * FROM gcs('${url}/abcd/x', 'TSV', 'a Int8')`],
      ["azure", ({ url }) => `SELECT * FROM azureBlobStorage('${url}', 'c', 'b')`],
      ["iceberg", ({ url }) => `SELECT * FROM iceberg('${url}/abcd/x')`],
      ["iceberg of a folder", () => "SELECT * FROM icebergLocal('/tmp')"],
      ["delta lake", ({ url }) => `SELECT * FROM deltaLake('${url}/abcd/x')`],
      ["hudi", ({ url }) => `SELECT * FROM hudi('${url}/abcd/x')`],
      ["remote", ({ host }) => `SELECT * FROM remote('${host}', system.one)`],
      ["mysql", ({ host }) => `SELECT * FROM mysql('${host}', 'a', 'b', 'c', 'd')`],
      ["postgresql", ({ host }) => `SELECT * FROM postgresql('${host}', 'a', 'b', 'c', 'd')`],
      ["mongodb", ({ host }) => `SELECT * FROM mongodb('${host}', 'a', 'b', 'c', 'd', 'a Int8')`],
      ["redis", ({ host }) => `SELECT * FROM redis('${host}', 'a', 'a Int8')`],
      ["sqlite", ({ path }) => `SELECT * FROM sqlite('${path}', 't')`],
      ["jdbc", () => "SELECT * FROM jdbc('a', 'b', 'c')"],
      ["odbc", () => "SELECT * FROM odbc('a', 'b', 'c')"],
      ["hdfs", ({ host }) => `SELECT * FROM hdfs('hdfs://${host}/a', 'TSV', 'a Int8')`],
      ["executable", () => "SELECT * FROM executable('id', 'TSV', 'a String')"],
      ["into outfile", ({ path }) => `SELECT 1 INTO OUTFILE '${path}'`],
      ["a table that is a file", ({ path }) => `CREATE TABLE f (a String) ENGINE = File(TSV, '${path}')`],
      ["a table that is an address", ({ url }) => `CREATE TABLE f (a String) ENGINE = URL('${url}', 'TSV')`],
      ["a table that is a program", () => "CREATE TABLE f (a String) ENGINE = Executable('id', 'TSV')"],
      [
        "a table on another disk",
        ({ path }) =>
          `CREATE TABLE f (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '${path}/')`,
      ],
      ["a database that is a folder", () => "CREATE DATABASE f ENGINE = Filesystem('/etc')"],
      ["a database that is a file", ({ path }) => `CREATE DATABASE f ENGINE = SQLite('${path}')`],
      [
        "a dictionary",
        () =>
          "CREATE DICTIONARY f (a UInt64, b String) PRIMARY KEY a SOURCE(FILE(PATH '/etc/hostname' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
      ],
      ["a function", () => "CREATE FUNCTION f AS (x) -> x"],
      ["a backup", ({ path }) => `BACKUP TABLE kept TO File('${path}')`],
      ["a user", () => "CREATE USER f"],
      ["a grant", () => "GRANT SELECT ON *.* TO reader"],
      ["a named collection", () => "CREATE NAMED COLLECTION f AS a = 1"],
      ["to shut it down", () => "SYSTEM SHUTDOWN"],
      ["to stop it listening", () => "SYSTEM STOP LISTEN HTTP"],
      ["to drop the database of its own queries", () => "DROP DATABASE default"],
      ["the passwords of the folder", () => `SELECT file('${dataDir}/secrets/clickhouse')`],
      ["the environment of the program", () => `SELECT file('/proc/${process.pid}/environ')`],
    ];
  test.for(ways)("lets no account out of its tables: %s", async ([, way]) => {
    const place = { path: join(outside, "made"), url: `http://${elsewhere}`, host: elsewhere };
    for (const account of [own, reader]) {
      const { status, text } = await ask(account, way(place));
      expect([account.username, status >= 400, text]).toEqual([account.username, true, text]);
    }
    expect(readdirSync(outside)).toEqual([]);
    expect(called).toEqual([]);
  });

  test("lets people read the tables of the program and change nothing", async () => {
    expect((await ask(reader, "SELECT count() FROM kept")).text).toBe("3\n");
    expect((await ask(reader, "SELECT name FROM system.tables WHERE name = 'passings'")).text).toBe(
      "passings\n",
    );
    for (const query of [
      "INSERT INTO kept VALUES (9)",
      "DROP TABLE kept",
      "TRUNCATE TABLE kept",
      "ALTER TABLE kept DELETE WHERE 1",
      "ALTER TABLE kept ADD COLUMN x Int8",
      "RENAME TABLE kept TO lost",
      "CREATE TABLE mine (n UInt32) ENGINE = MergeTree ORDER BY n",
      "CREATE VIEW mine AS SELECT 1",
      "CREATE DATABASE mine",
      "DROP DATABASE pacestream",
      "OPTIMIZE TABLE kept",
      "KILL QUERY WHERE 1",
      "SELECT * FROM system.users",
      "SELECT 1 SETTINGS readonly = 0",
    ]) {
      const { status, text } = await ask(reader, query);
      expect([query, status >= 400, text]).toEqual([query, true, text]);
    }
    expect((await ask(own, "SELECT count() FROM kept")).text).toBe("3\n");
  });

  test("outlives who leaves in the middle of an answer, and bytes that are not HTTP", async () => {
    const port = portOf(own.url);
    const pid = services.pids().clickHouse;
    for (const bytes of [
      "\0\x01\x02 garbage\r\n\r\n",
      "GET / HT",
      `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: -5\r\n\r\n`,
      `POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `GET /play HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
    ]) {
      for (let time = 0; time < 5; time++) await leave(port, bytes);
    }
    await sleep(200);
    expect((await ask(reader, "SELECT 1")).text).toBe("1\n");
    expect(services.pids().clickHouse).toBe(pid);
  });
});

/** Sends and resets the connection without having read the answer. */
function leave(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      socket.write(bytes, () => socket.resetAndDestroy());
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
  });
}

describe("the embedded Kafka", () => {
  test("answers nobody without the password, at the controller's port neither", async () => {
    const [broker] = services.kafka.brokers;
    const { kafkaController } = JSON.parse(readFileSync(join(dataDir, "run", "ports.json"), "utf8")) as {
      kafkaController: number;
    };
    for (const port of [Number(broker!.split(":")[1]), kafkaController]) {
      // Metadata v1 of all topics; DescribeCluster v0: requests that every client may send once it has logged in.
      for (const request of ["0003000100000001ffffffffffff", "003c00000000000100000000"]) {
        const body = Buffer.from(request, "hex");
        const length = Buffer.alloc(4);
        length.writeInt32BE(body.length);
        const { back, closed } = await say(port, Buffer.concat([length, body]), 10_000);
        expect([port, back.length, closed]).toEqual([port, 0, true]);
      }
    }
    const wrong = { ...services.kafka, sasl: { ...services.kafka.sasl!, password: "x".repeat(43) } };
    await expect(describeTopics(wrong, ["x"])).rejects.toThrow();
  });
});

test("a Kafka that was used before it asked for a password goes on with what it has", async () => {
  const path = mkdtempSync(join(tmpdir(), "doors-before-"));
  const folder = await openDataFolder(path);
  try {
    const free = { kafka: 0, kafkaController: 0, clickHouseHttp: 0 };
    const ports = await choosePorts(join(folder.run, "ports.json"), free);
    const brokers = [`127.0.0.1:${ports.kafka}`];
    const open = { "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT" };
    const before = await startChild(await kafkaSpec(folder, ports, () => {}, { properties: open }));
    await ensureTopics({ brokers }, [{ topic: "kept", partitions: 3 }]).finally(() => before.stop());
    const after = await startChild(await kafkaSpec(folder, ports, () => {}));
    const topics = describeTopics(kafkaOf(path, brokers), ["kept"]).finally(() => after.stop());
    expect(await topics).toEqual(new Map([["kept", 3]]));
  } finally {
    folder.release();
    rmSync(path, { recursive: true, force: true, maxRetries: 10 });
  }
});

describe("the data folder", () => {
  const modeOf = (...path: string[]) => (statSync(join(dataDir, ...path)).mode & 0o777).toString(8);

  test("is its owner's, and so are passwords and what they are configured in", () => {
    expect(modeOf()).toBe("700");
    expect(modeOf("secrets")).toBe("700");
    for (const name of readdirSync(join(dataDir, "secrets")))
      expect([name, modeOf("secrets", name)]).toEqual([name, "600"]);
    expect(modeOf("run", "kafka.properties")).toBe("600");
    expect(modeOf("run", "clickhouse", "users.xml")).toBe("600");
  });

  test("names no password outside of the files that are for it, nor does a command line or an environment", () => {
    const secrets = readdirSync(join(dataDir, "secrets")).map((name) =>
      readFileSync(join(dataDir, "secrets", name), "utf8").trim(),
    );
    expect(secrets.length).toBeGreaterThanOrEqual(3);
    const allowed = [
      join(dataDir, "secrets"),
      join(dataDir, "run", "kafka.properties"),
      join(dataDir, "run", "kafka-format.properties"),
    ];
    const texts = [
      ...["run", "logs"].flatMap((folder) =>
        readdirSync(join(dataDir, folder), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name)),
      ),
      ...Object.values(services.pids()).flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`]),
    ].filter((path) => existsSync(path) && !allowed.some((place) => path.startsWith(place)));
    expect(texts.length).toBeGreaterThan(6);
    const telling = texts.filter((path) => secrets.some((text) => readFileSync(path, "utf8").includes(text)));
    expect(telling).toEqual([]);
    expect(clickHouseVariables(own).CLICKHOUSE_PASSWORD).toBe(
      secrets[readdirSync(join(dataDir, "secrets")).indexOf("clickhouse")],
    );
  });
});
