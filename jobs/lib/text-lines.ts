/**
 * Lines of a text file as they come, whatever program wrote it: plain or gzipped, UTF-8, UTF-16 or, where it is neither,
 * Windows-1252; lines ended by LF, CRLF or CR alone.
 *
 * TL1  Line numbers count from 1 as an editor does. Blank lines are passed over, and counted.
 * TL2  Memory is bounded by one chunk of the file and one line, time by `LIMITS`, also of a file that never ends: what is no plain
 *      file (a pipe, a device) is not opened, and what unpacks to more than any race has is not read on.
 */
import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";

export interface TextLine {
  readonly line: number;
  readonly text: string;
}

/** Some forty times the largest race at hand. */
export const LIMITS = { bytes: 1 << 30, lines: 20_000_000, line: 1_000_000 };

const CHUNK_BYTES = 1 << 18;

/** @throws Error saying what it is instead, or how much too large */
export async function checkFile(path: string, bytesMax: number): Promise<void> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error("is no plain file: folders, pipes and devices cannot be read");
  if (found.size > bytesMax)
    throw new Error(`has ${found.size} bytes, more than ${bytesMax}: this is not what it should be`);
}

/** A whole small file as text. @throws Error as `checkFile` */
export async function readText(path: string, bytesMax: number): Promise<string> {
  await checkFile(path, bytesMax);
  let text = "";
  for await (const blocks of blocksOf(path, bytesMax)) text += blocks;
  return text.replace(/^\uFEFF/, "");
}

/**
 * The lines of `path`, a batch for each chunk read; a name that ends in `.gz` is unpacked.
 * @throws Error of the file system or of zlib; or saying in which line there is too much of something (TL2).
 */
export async function* textLines(path: string, limits = LIMITS): AsyncGenerator<readonly TextLine[]> {
  await checkFile(path, limits.bytes);
  let rest = "";
  let line = 0;
  const taken = (text: string): TextLine[] => {
    const lines = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    const batch: TextLine[] = [];
    for (let from = 0; from <= lines.length; ) {
      const found = lines.indexOf("\n", from);
      const end = found < 0 ? lines.length : found;
      const one = lines.slice(from, end);
      line++;
      if (one.trim() !== "") batch.push({ line, text: one });
      from = end + 1;
    }
    return batch;
  };
  for await (const block of blocksOf(path, limits.bytes, () => line + 1)) {
    const text = line === 0 && rest === "" ? block.replace(/^\uFEFF/, "") : rest + block;
    // A CR at its end may be the first half of a CRLF.
    const end = Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r", text.length - 2));
    const batch = end < 0 ? [] : taken(text.slice(0, end));
    rest = text.slice(end + 1);
    if (rest.length > limits.line)
      throw new Error(`line ${line + 1} has over ${limits.line} characters: this is no CSV file`);
    if (line > limits.lines) throw new Error(`it has more than ${limits.lines} lines, which no race has`);
    if (batch.length > 0) yield batch;
  }
  const batch = taken(rest.replace(/\r$/, ""));
  if (batch.length > 0) yield batch;
}

/** The file's text in pieces, none of which ends within a character. */
async function* blocksOf(path: string, bytesMax: number, at: () => number = () => 1): AsyncGenerator<string> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const bytes = path.endsWith(".gz") ? file.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : file;
  // A pipe does not carry the errors of its source on.
  if (bytes !== file) file.on("error", (error) => bytes.destroy(error));
  try {
    let decode: ((chunk: Buffer, end: boolean) => string) | undefined;
    let read = 0;
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      read += chunk.length;
      if (read > bytesMax)
        throw new Error(`line ${at()}: by here it holds more than ${bytesMax} bytes, which no race has`);
      decode ??= decoderFor(chunk);
      yield decode(chunk, false);
    }
    const last = decode?.(Buffer.alloc(0), true) ?? "";
    if (last !== "") yield last;
  } finally {
    file.destroy();
    bytes.destroy();
  }
}

function decoderFor(first: Buffer): (chunk: Buffer, end: boolean) => string {
  const wide = utf16Of(first);
  if (wide !== undefined) {
    const decoder = new TextDecoder(wide);
    return (chunk, end) => decoder.decode(chunk, { stream: !end });
  }
  return bytewise();
}

/** By the mark at its beginning, or by the zeros that every second byte of plain text is. */
function utf16Of(first: Buffer): "utf-16le" | "utf-16be" | undefined {
  if (first[0] === 0xff && first[1] === 0xfe) return "utf-16le";
  if (first[0] === 0xfe && first[1] === 0xff) return "utf-16be";
  if (first.length < 2) return undefined;
  if (first[0] !== 0 && first[1] === 0) return "utf-16le";
  return first[0] === 0 && first[1] !== 0 ? "utf-16be" : undefined;
}

/** UTF-8; a line that is none is Windows-1252. Pieces end with lines, or wait for the next. */
function bytewise(): (chunk: Buffer, end: boolean) => string {
  let rest: Buffer = Buffer.alloc(0);
  const western = new TextDecoder("windows-1252");
  return (chunk, end) => {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = end || all.length > LIMITS.line ? all.length : lastLineEnd(all) + 1;
    rest = all.subarray(whole);
    const block = all.subarray(0, whole);
    if (isUtf8(block)) return block.toString("utf8");
    return block
      .toString("latin1")
      .split(/(?<=[\r\n])/)
      .map((line) => {
        const own = Buffer.from(line, "latin1");
        return isUtf8(own) ? own.toString("utf8") : western.decode(own);
      })
      .join("");
  };
}

const lastLineEnd = (bytes: Buffer): number => Math.max(bytes.lastIndexOf(10), bytes.lastIndexOf(13));
