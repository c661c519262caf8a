/**
 * The Kafka and ClickHouse of the tests: one of each for a whole run, on free ports, in a folder of their own.
 *
 * A test gets them by `inject("kafka")` and `inject("clickHouse")` from vitest. They are shared: a test makes
 * its own topics and its own database, and leaves the services running.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import type { ClickHouseConnection, KafkaConnection } from "../../runtime/config.ts";
import { type Services, startServices } from "./services.ts";
import { readToolchain } from "./toolchain.ts";

declare module "vitest" {
  interface ProvidedContext {
    kafka: KafkaConnection;
    clickHouse: ClickHouseConnection;
    /** The browser's program, or "" where set-up for the tests has not run. */
    chromium: string;
  }
}

interface Shared {
  readonly folder: string;
  readonly services: Services;
}

let shared: Promise<Shared> | undefined;
let users = 0;

/** Each project with services calls this; the first starts them, the last to leave stops them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  users += 1;
  shared ??= start();
  const { services, folder } = await shared;
  project.provide("kafka", services.kafka);
  project.provide("clickHouse", services.clickHouse);
  project.provide("chromium", readToolchain().chromium ?? "");
  return async () => {
    users -= 1;
    if (users > 0) return;
    await services.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function start(): Promise<Shared> {
  const folder = mkdtempSync(join(tmpdir(), "pacestream-test-"));
  const log = (line: string) => console.log(`services: ${line}`);
  return { folder, services: await startServices({ dataDir: folder, kafkaPort: 0, clickHousePort: 0, log }) };
}
