/** The main thread as the API's thread sees it: what can be asked of it, each with a deadline (M1). */
import type { MessagePort } from "node:worker_threads";
import { PacestreamError } from "../../runtime/errors.ts";
import { ASK_MAX_MS, type Ask, type Asks, type FromApi, received, type SentError } from "./messages.ts";

interface Waiting {
  readonly answer: (value: unknown) => void;
  readonly refuse: (error: Error) => void;
  readonly deadline: NodeJS.Timeout;
}

export class MainLink {
  readonly #port: Pick<MessagePort, "postMessage">;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(port: Pick<MessagePort, "postMessage">) {
    this.#port = port;
  }

  say(message: FromApi): void {
    this.#port.postMessage(message);
  }

  /** @throws PacestreamError as the main thread says, or MAIN_THREAD_BUSY when it does not answer in time */
  ask<K extends keyof Asks>(what: K, give: Asks[K]["give"]): Promise<Asks[K]["take"]> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#waiting.delete(id);
        const message = `the main thread has not answered "${what}" for ${ASK_MAX_MS[what] / 1000} s`;
        reject(new PacestreamError("MAIN_THREAD_BUSY", message, "retry"));
      }, ASK_MAX_MS[what]);
      this.#waiting.set(id, { answer: resolve as (value: unknown) => void, refuse: reject, deadline });
      this.say({ kind: "ask", id, ask: { what, give } as Ask });
    });
  }

  answered(id: number, value: unknown): void {
    this.#take(id)?.answer(value);
  }

  refused(id: number, error: SentError): void {
    this.#take(id)?.refuse(received(error));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    clearTimeout(waiting?.deadline);
    this.#waiting.delete(id);
    return waiting;
  }
}
