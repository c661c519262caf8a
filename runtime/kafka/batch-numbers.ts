/** Numbers as a record batch has them, written in place. */

/** Zigzag, seven bits a byte, lowest first. @returns where it ends */
export function putVarint(bytes: Buffer, start: number, value: number): number {
  let left = zigzag(value);
  let at = start;
  for (; left > 0x7fff_ffff; left = Math.floor(left / 0x80)) bytes[at++] = (left % 0x80) | 0x80;
  for (; left > 0x7f; left >>= 7) bytes[at++] = (left & 0x7f) | 0x80;
  bytes[at++] = left;
  return at;
}

/** How many bytes `putVarint` writes. */
export function varintLength(value: number): number {
  let left = zigzag(value);
  let length = 1;
  for (; left > 0x7fff_ffff; left = Math.floor(left / 0x80)) length++;
  for (; left > 0x7f; left >>= 7) length++;
  return length;
}

/** Big endian, two's complement. */
export function putInt64(bytes: Buffer, at: number, value: number): void {
  bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
  bytes.writeUInt32BE(((value % 0x1_0000_0000) + 0x1_0000_0000) % 0x1_0000_0000, at + 4);
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
