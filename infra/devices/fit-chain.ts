/**
 * A file of FIT is a chain of one or more FIT files, each with a header, its own definitions and a checksum: two runs that were joined,
 * or a swim with what its strap kept until it was out of the water.
 */
import { type OnPointProblem, RecordingError } from "./recording-error.ts";

const HEADER_MIN = 12;
const CHECKSUM = 2;

/**
 * The files of a chain. What follows the last one and is none is told.
 * @throws RecordingError when the first is none, or one is cut
 */
export function linksOf(
  file: string,
  bytes: Buffer<ArrayBuffer>,
  onProblem: OnPointProblem,
): Buffer<ArrayBuffer>[] {
  const links: Buffer<ArrayBuffer>[] = [];
  let at = 0;
  while (at < bytes.length || links.length === 0) {
    const rest = bytes.subarray(at);
    const isOne = rest.length >= HEADER_MIN && rest.toString("latin1", 8, 12) === ".FIT";
    if (!isOne && links.length > 0) {
      onProblem({
        file,
        place: `byte ${at}`,
        what: "bytes",
        why: "they stand after the end of the recording and are no FIT file",
        problem: `${rest.length} bytes stand after the end of the recording, and are no FIT file`,
        count: rest.length,
      });
      break;
    }
    if (rest.length < HEADER_MIN)
      throw new RecordingError(file, `byte ${rest.length}`, "ends within the header: it is no FIT file");
    if (!isOne) throw new RecordingError(file, "byte 8", 'is no FIT file: ".FIT" should stand there');
    const length = rest[0]! + rest.readUInt32LE(4) + CHECKSUM;
    if (rest.length < length)
      throw new RecordingError(
        file,
        `byte ${bytes.length}`,
        `the file ends here, but its header says that it has ${at + length} bytes`,
      );
    links.push(rest.subarray(0, length));
    at += length;
  }
  return links;
}
