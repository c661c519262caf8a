/** A small file system of its own (tmpfs) for a service's folder, so that it can be full. Needs the right to mount. */
import { execFileSync } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface SmallDisk {
  /** Until nothing more can be written. */
  fill(): void;
  free(): void;
  /** When nobody uses it any more. What it holds is kept beside it, as `NAME.kept`. */
  unmount(): void;
}

const CHUNK = Buffer.alloc(1 << 20);

/** Undefined where mounting is not allowed; said to `log`. */
export function mountSmall(path: string, sizeMb: number, log: (line: string) => void): SmallDisk | undefined {
  mkdirSync(path, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "pacestream-chaos", path], {
      stdio: "pipe",
    });
  } catch {
    log(`${path} cannot be a file system of its own here (mount is refused): a full disk is not tried`);
    return undefined;
  }
  const unmount = () => {
    try {
      execFileSync("umount", ["--lazy", path], { stdio: "pipe" });
    } catch (error) {
      log(`${path} stays mounted: ${(error as Error).message}`);
    }
  };
  process.on("exit", unmount);
  const ballast = join(path, "ballast");
  return {
    fill() {
      const file = openSync(ballast, "a");
      try {
        for (;;) writeSync(file, CHUNK);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    unmount() {
      process.off("exit", unmount);
      cpSync(path, `${path}.kept`, { recursive: true, filter: (from) => !from.endsWith(".sock") });
      unmount();
    },
  };
}
