/**
 * The embedded Kafka: one broker that is its own controller (KRaft), for one machine.
 *
 * Owns: the broker's configuration, the formatting of its folder, and how one sees that it is ready.
 *
 * K1  A folder is formatted aside and renamed, so a start that is killed in between formats again.
 * K2  Paths in the configuration are relative to the data folder, which is the broker's working folder:
 *     nothing in them needs escaping, and the folder can be moved.
 * K3  Every listener, the controller's too, asks for the folder's password (SASL/PLAIN). It stands in files that only their owner
 *     reads, never on a command line.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ACCOUNT } from "./accounts.ts";
import { type ChildSpec, runTool } from "./child.ts";
import type { DataFolder } from "./data-folder.ts";
import type { Ports } from "./ports.ts";
import { secret } from "./secrets.ts";
import { kafkaArchive, readToolchain } from "./toolchain.ts";

const STOP_MAX_MS = 10_000;
const FORMAT_MAX_MS = 60_000;

/**
 * The first tier of compilation only: ready in 3.0 s and 3.7 CPU seconds instead of 4.2 and 7.0; one
 * collector thread, for a heap this small, on a machine whose cores the jobs want.
 */
const HEAP_MAX_MB = 512;
const JAVA_FLAGS = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"];

/** Where else a broker listens, and where it tells clients of that listener to come back. */
export interface Listener {
  readonly name: string;
  readonly port: number;
  readonly advertisedPort: number;
}

/** What differs from the one broker of a machine: a broker of several, further listeners. */
export interface BrokerSettings {
  /** As people read it; default "Kafka". */
  readonly name?: string;
  /** Default: a new one. Brokers of one cluster share it. */
  readonly clusterId?: string;
  /** Default: the data folder's own. Brokers of one cluster share it. */
  readonly password?: string;
  readonly listeners?: readonly Listener[];
  /** Replaces or adds to what `kafka.ts` sets. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
  readonly heapMaxMb?: number;
}

/** Prepares the data folder and says how the broker is started. @param signal gives up; throws its reason */
export async function kafkaSpec(
  folder: DataFolder,
  ports: Ports,
  log: (line: string) => void,
  settings: BrokerSettings = {},
  signal?: AbortSignal,
): Promise<ChildSpec> {
  const { java, kafkaJars } = readToolchain();
  const archive = kafkaArchive();
  const outputFile = join(folder.logs, "kafka.out");
  writeFileSync(join(folder.run, "log4j2.properties"), LOG4J2);
  const properties = (logDir: string) => brokerProperties(folder, ports, logDir, settings);
  writePrivately(join(folder.run, "kafka.properties"), properties("kafka"));
  const jvm = (main: string) => [
    ...JAVA_FLAGS,
    `-Xmx${settings.heapMaxMb ?? HEAP_MAX_MB}m`,
    ...(existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : []),
    "-Dlog4j2.configurationFile=run/log4j2.properties",
    `-Dpacestream.data=${folder.path}`,
    "-cp",
    `${kafkaJars}/*`,
    main,
  ];
  if (!existsSync(folder.kafka)) {
    const tool = [java, ...jvm("kafka.tools.StorageTool")];
    await format(
      folder,
      properties("kafka.formatting"),
      tool,
      settings.clusterId ?? newClusterId(),
      log,
      signal,
    );
  }
  return {
    name: settings.name ?? "Kafka",
    command: [java, ...jvm("kafka.Kafka"), "run/kafka.properties"],
    cwd: folder.path,
    outputFile,
    pidFile: join(folder.run, "kafka.json"),
    stopMaxMs: STOP_MAX_MS,
    // The broker says so once it takes requests and its partitions have leaders; an open port comes earlier.
    isReady: () => readFileSync(outputFile, "utf8").includes("Kafka Server started"),
    log,
  };
}

async function format(
  folder: DataFolder,
  properties: string,
  tool: readonly string[],
  clusterId: string,
  log: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const aside = `${folder.kafka}.formatting`;
  rmSync(aside, { recursive: true, force: true });
  const file = join(folder.run, "kafka-format.properties");
  writePrivately(file, properties);
  // With one replica there is no eligible-leader set to keep, and a broker killed hard must stay eligible.
  const feature = ["--feature", "eligible.leader.replicas.version=0"];
  const spec = {
    name: "The formatting of Kafka's folder",
    command: [...tool, "format", "--cluster-id", clusterId, "--config", file, ...feature],
    cwd: folder.path,
    outputFile: join(folder.logs, "kafka-format.out"),
    pidFile: join(folder.run, "kafka-format.json"),
    log,
  };
  await runTool(spec, FORMAT_MAX_MS, signal);
  renameSync(aside, folder.kafka); // K1
}

/** K3 */
function writePrivately(file: string, text: string): void {
  rmSync(file, { force: true }); // one that is there would keep its mode
  writeFileSync(file, text, { mode: 0o600 });
}

function brokerProperties(
  folder: DataFolder,
  ports: Ports,
  logDir: string,
  settings: BrokerSettings,
): string {
  const listeners = [
    { name: "CLIENT", port: ports.kafka, advertisedPort: ports.kafka },
    ...(settings.listeners ?? []),
  ];
  const controller = { name: "CONTROLLER", port: ports.kafkaController };
  const all = [...listeners, controller];
  const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
  const password = settings.password ?? secret(folder.path, "kafka");
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required username="${ACCOUNT}" password="${password}" user_${ACCOUNT}="${password}";`;
  const properties: Record<string, string | number | boolean> = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${ports.kafkaController}`,
    listeners: all.map(({ name, port }) => at(name, port)).join(","),
    "advertised.listeners": listeners.map(({ name, advertisedPort }) => at(name, advertisedPort)).join(","),
    "controller.listener.names": controller.name,
    "inter.broker.listener.name": "CLIENT",
    // K3
    "listener.security.protocol.map": all.map(({ name }) => `${name}:SASL_PLAINTEXT`).join(","),
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    ...Object.fromEntries(
      all.map(({ name }) => [`listener.name.${name.toLowerCase()}.plain.sasl.jaas.config`, login]),
    ),
    "log.dirs": logDir, // K2

    // After a hard kill the controller lets the broker in again only when its old session has run out:
    // with the 9 s default the restart took 12 s, with 2 s it takes 4.
    "broker.session.timeout.ms": 4000,
    "broker.heartbeat.interval.ms": 300,

    // One broker, few partitions of internal topics: they are what a start has to open.
    "default.replication.factor": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    // A dead writer holds readers back until its transaction is aborted: look for such ones every second, not every ten.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,

    // A mistyped name must fail, not make a topic.
    "auto.create.topics.enable": false,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "offsets.retention.minutes": 525_600,
    // Kafka is the record: nothing is dropped unless a topic says so, whatever the clock of the race.
    "log.retention.ms": -1,
    "log.message.timestamp.after.max.ms": "9223372036854775807",

    // Sized for one machine; the cleaner's default buffer alone would be a quarter of the heap.
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 4,
    "group.coordinator.threads": 1,
    "num.recovery.threads.per.data.dir": 2,
    "log.cleaner.dedupe.buffer.size": 16_777_216,
    ...settings.properties,
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

/** Everything to a file of bounded size; to standard output only the line that says the broker is ready. */
const LOG4J2 = `status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName=logs/kafka.log
appender.file.filePattern=logs/kafka.%i.log
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %m (%c)%n%throwable
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%m%n%throwable
rootLogger.level=WARN
rootLogger.appenderRef.file.ref=file
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
logger.server.appenderRef.out.ref=out
logger.fatal.name=kafka.Kafka$
logger.fatal.level=INFO
logger.fatal.appenderRef.out.ref=out
logger.fault.name=org.apache.kafka.server.fault
logger.fault.level=ERROR
logger.fault.appenderRef.out.ref=out
`;

/** A Kafka UUID: 16 bytes as base64url. Never with a dash in front, which the tool would take for an option. */
export function newClusterId(): string {
  for (;;) {
    const id = Buffer.from(randomUUID().replaceAll("-", ""), "hex").toString("base64url");
    if (!id.startsWith("-")) return id;
  }
}
