/**
 * The bytes of an XML file as text, by the encoding that its byte order mark or its declaration says.
 *
 * XT1  Without either it is UTF-8, as XML has it. Bytes that are none of the encoding end the recording.
 * XT2  Blanks before the declaration are left out, though XML forbids them: exporters write them.
 */
import { RecordingError } from "./recording-error.ts";

/** Declarations stand within this many bytes. */
const DECLARATION_MAX = 1024;

type Decoder = InstanceType<typeof TextDecoder>;

export async function* xmlTexts(file: string, bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let head: Buffer = Buffer.alloc(0);
  let decoder: Decoder | undefined;
  let read = 0;
  let begun = false;
  const decode = (chunk?: Buffer): string => {
    try {
      const text = chunk ? decoder!.decode(chunk, { stream: true }) : decoder!.decode();
      if (begun) return text;
      const trimmed = text.trimStart(); // XT2
      begun = trimmed !== "";
      return trimmed;
    } catch (cause) {
      throw new RecordingError(
        file,
        `after ${read} bytes`,
        `is not ${decoder!.encoding.toUpperCase()} text`,
        {
          cause,
        },
      );
    }
  };
  for await (const chunk of bytes) {
    if (decoder === undefined) {
      head = Buffer.concat([head, chunk]);
      if (head.length < DECLARATION_MAX) continue;
      decoder = decoderFor(file, head);
      yield decode(head);
      read += head.length;
    } else {
      yield decode(chunk);
      read += chunk.length;
    }
  }
  if (decoder === undefined) {
    decoder = decoderFor(file, head);
    yield decode(head);
    read += head.length;
  }
  yield decode();
}

function decoderFor(file: string, head: Buffer): Decoder {
  const label = encodingOf(head);
  try {
    return new TextDecoder(label, { fatal: true });
  } catch (cause) {
    throw new RecordingError(
      file,
      "line 1",
      `its encoding is "${label.slice(0, 40)}", which nobody here knows`,
      {
        cause,
      },
    );
  }
}

function encodingOf(head: Buffer): string {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  if (head[0] === 0x3c && head[1] === 0) return "utf-16le";
  if (head[0] === 0 && head[1] === 0x3c) return "utf-16be";
  const start = head.toString("latin1", 0, DECLARATION_MAX);
  const declared = /<\?xml[^>]*?\bencoding\s*=\s*["']([^"']*)["']/.exec(start)?.[1] ?? "utf-8";
  // It was readable byte by byte: whatever it says, it is no UTF-16.
  return /^utf-?16/i.test(declared) ? "utf-8" : declared;
}
