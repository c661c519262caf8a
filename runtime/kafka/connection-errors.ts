/**
 * A connection of `@platformatic/kafka` that breaks says so more than once (while it authenticates, once a request that waits), and its
 * pools listen to the first only: the second, an `error` event that nobody hears, ended the process. Who asked hears of the error
 * by the answer; of the event it is enough that nobody has to. Imported by library.ts only.
 */
import { EventEmitter } from "node:events";
import { Connection } from "@platformatic/kafka";

const { emit } = EventEmitter.prototype;

Connection.prototype.emit = function emitIfHeard(
  this: Connection,
  event: string | symbol,
  ...values: unknown[]
) {
  if (event === "error" && this.listenerCount("error") === 0) return false;
  return emit.call(this, event, ...values);
};
