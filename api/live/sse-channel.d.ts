/** The part of the package `sse-channel` (which brings no types) that the streams use. */
declare module "sse-channel" {
  import type { EventEmitter } from "node:events";
  import type { IncomingMessage, ServerResponse } from "node:http";

  export interface SseMessage {
    readonly event?: string;
    readonly id?: string;
    readonly data: string;
  }

  export default class SseChannel extends EventEmitter {
    constructor(options?: { pingInterval?: number; retryTimeout?: number; historySize?: number });
    readonly connections: readonly ServerResponse[];
    addClient(request: IncomingMessage, response: ServerResponse): void;
    /** With `clients`, the message goes to these only and past the channel's own history. */
    send(message: SseMessage, clients?: readonly ServerResponse[]): void;
    close(): void;
  }
}
