/**
 * Unpacks the records of a compressed batch: other people's producers compress.
 *
 * D1  A batch of a megabyte may hold gigabytes of zeros: unpacking stops at a bound instead of taking the process down.
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithms } from "./library.ts";

const GZIP = 1;
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

/** Kafka's default limit for a batch is 1 MiB packed; text packs about 1 : 10. */
const UNPACKED_MAX_BYTES = 128 * 1024 * 1024;

/** The records of a batch packed with Kafka's codec `compression` (1-4). Throws on bytes that the codec refuses. */
export function decompress(compression: number, packed: Buffer): Buffer {
  switch (compression) {
    case GZIP:
      return gunzipSync(packed, { maxOutputLength: UNPACKED_MAX_BYTES });
    case ZSTD:
      return zstdDecompressSync(packed, { maxOutputLength: UNPACKED_MAX_BYTES });
    // These two cannot be bounded beforehand; a batch (1 MiB by default) of them unpacks to 21 and 255 times its size at most.
    case SNAPPY:
      return asBuffer(compressionsAlgorithms.snappy.decompressSync(packed));
    case LZ4:
      return asBuffer(compressionsAlgorithms.lz4.decompressSync(packed));
    default:
      throw new Error(`unknown compression codec ${compression}`);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
