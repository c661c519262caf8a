/** Which Kafka requests stand in the bytes of a connection, for faults that wait for one of a kind. Pure. */

/** Of the protocol: kafka.apache.org/protocol, "API keys". */
export const API = { produce: 0, endTxn: 26 } as const;

const LENGTH_BYTES = 4;
/** The length of what follows, then the API key. */
const HEAD_BYTES = LENGTH_BYTES + 2;

/** Of the broker: `socket.request.max.bytes`; and more than there are kinds of requests. */
const REQUEST_MAX = 100 << 20;
const KEY_MAX = 100;

/** Finds the requests of one connection. One that is asked in the middle of a stream finds its way at a chunk that begins a request. */
export class RequestScanner {
  /** Bytes of the request at hand that have not come yet. */
  #left = 0;
  /** The beginning of a request whose head has not come whole. */
  #head = Buffer.alloc(0);

  /** The API keys of the requests that begin in `chunk`; chunks are given in order. */
  keysIn(chunk: Buffer): number[] {
    const keys: number[] = [];
    let bytes = this.#head.length > 0 ? Buffer.concat([this.#head, chunk]) : chunk;
    this.#head = Buffer.alloc(0);
    while (bytes.length > 0) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length);
        this.#left -= taken;
        bytes = bytes.subarray(taken);
      } else if (bytes.length < HEAD_BYTES) {
        this.#head = Buffer.from(bytes);
        return keys;
      } else {
        const length = bytes.readInt32BE(0);
        const key = bytes.readInt16BE(LENGTH_BYTES);
        // Begun in the middle of a request: what follows is looked at from the next chunk on.
        if (length < 2 || length > REQUEST_MAX || key < 0 || key > KEY_MAX) return keys;
        this.#left = LENGTH_BYTES + length;
        keys.push(key);
      }
    }
    return keys;
  }
}
