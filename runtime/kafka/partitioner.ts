/**
 * Kafka's default partitioner (murmur2, as in the Java client's `Utils.murmur2`), so that a key lands where every other
 * client of the cluster would put it.
 */

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** Keys are short: they are encoded here, not into a buffer of their own. */
const scratch = Buffer.alloc(1024);

/** The partition of `key` (UTF-8 when a string) among `partitions`. */
export function partitionOf(key: string | Uint8Array, partitions: number): number {
  if (partitions === 1) return 0;
  return (hashOf(key) & 0x7fffffff) % partitions;
}

function hashOf(key: string | Uint8Array): number {
  if (typeof key !== "string") return murmur2(key, key.length);
  if (key.length * 3 <= scratch.length) return murmur2(scratch, scratch.write(key, "utf8"));
  const bytes = Buffer.from(key, "utf8");
  return murmur2(bytes, bytes.length);
}

function murmur2(data: Uint8Array, length: number): number {
  let h = SEED ^ length;
  const whole = length >> 2;
  for (let i = 0; i < whole; i++) {
    const at = i << 2;
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  const tail = length & ~3;
  const rest = length & 3;
  if (rest === 3) h ^= data[tail + 2]! << 16;
  if (rest >= 2) h ^= data[tail + 1]! << 8;
  if (rest >= 1) {
    h ^= data[tail]!;
    h = Math.imul(h, M);
  }
  h ^= h >>> 13;
  h = Math.imul(h, M);
  h ^= h >>> 15;
  return h;
}
