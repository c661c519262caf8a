/**
 * A broadcast: what is in force of it at a time. A version of a key holds from its `activeFrom` on (at once where the job gives none),
 * until the next one of its key; a later record of the topic counts for all times from its `activeFrom` on, whatever earlier ones
 * said of them. A null value deletes the key, at once and for all times.
 *
 * What was in force before a version that the watermark has passed may be forgotten: what a late record meets is not determined.
 */
import type { Broadcast } from "../../dsl/process.ts";
import { frozen } from "./record.ts";

interface Version {
  readonly key: string;
  /** `undefined`: deleted. */
  readonly value: unknown;
  readonly activeFromMs: number;
  /** Offset of its record, and one. */
  readonly number: number;
}

export class BroadcastContent {
  /** In the order of the topic. */
  #versions: readonly Version[] = [];
  /** Event time up to which what was in force before may have been forgotten: as of the last version, or the last restart. */
  #changedAt = Number.NEGATIVE_INFINITY;

  apply(version: Version, watermark: number): void {
    const { key, activeFromMs } = version;
    const overruled = (other: Version) => other.key === key && other.activeFromMs >= activeFromMs;
    this.#versions = [
      ...this.#versions.filter((other) => !overruled(other)),
      { ...version, value: frozen(version.value) },
    ];
    this.#changedAt = watermark;
  }

  restarted(watermark: number): void {
    this.#changedAt = watermark;
  }

  /** As of a time. @param undetermined called when it may have been forgotten. */
  at(timeMs: number, undetermined: () => void): Broadcast<unknown> {
    const passed = ({ activeFromMs }: Version) => activeFromMs > timeMs && activeFromMs <= this.#changedAt;
    if (this.#versions.some(passed)) undetermined();
    const inForce = new Map<string, Version>();
    let version = 0;
    for (const one of this.#versions) if (one.activeFromMs <= timeMs) inForce.set(one.key, one);
    for (const { number } of inForce.values()) version = Math.max(version, number);
    const present = [...inForce.values()].filter(({ value }) => value !== undefined);
    return {
      get: (key) => inForce.get(key)?.value,
      entries: () => present.map(({ key, value }): [string, unknown] => [key, value]).values(),
      versionOf: (key) => present.find((one) => one.key === key)?.number,
      version,
    };
  }
}
