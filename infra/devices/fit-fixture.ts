/** FIT files made up for tests, byte by byte, from the protocol's description: not by the library that reads them. */

/** Number, size and base type of a field. */
export type FitField = readonly [number: number, size: number, base: number];

export const UINT8 = 0x02;
export const BYTE = 0x0d;
export const ENUM = 0x00;
export const STRING = 0x07;
export const UINT16 = 0x84;
export const UINT32 = 0x86;

const CRC = [
  0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000,
  0x9c01, 0x8801, 0x4400,
];
const EPOCH_MS = Date.UTC(1989, 11, 31);

export const fitTime = (timeMs: number): number => (timeMs - EPOCH_MS) / 1000;

/** A definition of a local message. `developer`: fields that developers defined, as number, size and index of who did. */
export function fitDefinition(
  local: number,
  global: number,
  fields: readonly FitField[],
  developer: readonly FitField[] = [],
): Buffer {
  return Buffer.from([
    0x40 | (developer.length > 0 ? 0x20 : 0) | local,
    ...[0, 0, global & 0xff, global >> 8, fields.length],
    ...fields.flat(),
    ...(developer.length > 0 ? [developer.length, ...developer.flat()] : []),
  ]);
}

/** A message; each value is a number of its field's size, text, or bytes. */
export function fitMessage(
  local: number,
  values: readonly (readonly [value: number | string | readonly number[], size: number])[],
): Buffer {
  const parts = values.map(([value, size]) => {
    const bytes = Buffer.alloc(size);
    if (typeof value === "number") bytes.writeUIntLE(value, 0, size);
    else if (typeof value === "string") bytes.write(value, "utf8");
    else Buffer.from(value).copy(bytes);
    return bytes;
  });
  return Buffer.concat([Buffer.from([local]), ...parts]);
}

/** A whole file of them, with header and checksum. */
export function fitFile(...messages: readonly Buffer[]): Buffer {
  const content = Buffer.concat(messages);
  const header = Buffer.alloc(14);
  header[0] = 14;
  header[1] = 0x20;
  header.writeUInt16LE(2132, 2);
  header.writeUInt32LE(content.length, 4);
  header.write(".FIT", 8, "latin1");
  header.writeUInt16LE(checksum(header.subarray(0, 12)), 12);
  const file = Buffer.concat([header, content]);
  const end = Buffer.alloc(2);
  end.writeUInt16LE(checksum(file));
  return Buffer.concat([file, end]);
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (const byte of bytes) {
    for (const half of [byte & 15, byte >> 4]) sum = ((sum >> 4) & 0xfff) ^ CRC[sum & 15]! ^ CRC[half]!;
  }
  return sum;
}

const FILE_ID = 0;
const SESSION = 18;
const RECORD = 20;
const EVENT = 21;

/** `file_id` of a type: 4 activity, 5 workout, 6 course. */
export const fitType = (type: number): Buffer =>
  Buffer.concat([fitDefinition(5, FILE_ID, [[0, 1, ENUM]]), fitMessage(5, [[type, 1]])]);

/** A session: sport 1 running, 2 cycling, 5 swimming. */
export const fitSession = (sport: number, startMs: number, endMs: number): Buffer =>
  Buffer.concat([
    fitDefinition(6, SESSION, [
      [253, 4, UINT32],
      [2, 4, UINT32],
      [5, 1, ENUM],
    ]),
    fitMessage(6, [
      [fitTime(endMs), 4],
      [fitTime(startMs), 4],
      [sport, 1],
    ]),
  ]);

/** The timer started (0) or stopped (4). */
export const fitTimer = (timeMs: number, type: 0 | 4): Buffer =>
  Buffer.concat([
    fitDefinition(7, EVENT, [
      [253, 4, UINT32],
      [0, 1, ENUM],
      [1, 1, ENUM],
    ]),
    fitMessage(7, [
      [fitTime(timeMs), 4],
      [0, 1],
      [type, 1],
    ]),
  ]);

export interface FitPoint {
  readonly timeMs: number;
  readonly hr?: number;
  readonly cadence?: number;
  readonly distanceM?: number;
}

/** Records of these quantities; what is absent is FIT's invalid value. */
export const fitRecords = (points: readonly FitPoint[]): Buffer =>
  Buffer.concat([
    fitDefinition(0, RECORD, [
      [253, 4, UINT32],
      [3, 1, UINT8],
      [4, 1, UINT8],
      [5, 4, UINT32],
    ]),
    ...points.map(({ timeMs, hr = 0xff, cadence = 0xff, distanceM }) =>
      fitMessage(0, [
        [fitTime(timeMs), 4],
        [hr, 1],
        [cadence, 1],
        [distanceM === undefined ? 0xffff_ffff : distanceM * 100, 4],
      ]),
    ),
  ]);
