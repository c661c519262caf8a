/** The event stream format of the HTML standard, read from text that comes in pieces of any size. Pure. */

export interface ServerEvent {
  type: string;
  data: string;
  id: string | null;
}

/** `restart` forgets what a broken connection left half said. */
export function eventParser(onEvent: (event: ServerEvent) => void): {
  push(text: string): void;
  restart(): void;
} {
  let rest = "";
  let event = blank();
  return {
    restart() {
      rest = "";
      event = blank();
    },
    push(text) {
      const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (event.data !== "" || event.id !== null) onEvent({ ...event, data: event.data.slice(0, -1) });
          event = blank();
          continue;
        }
        const colon = line.indexOf(":");
        if (colon === 0) continue;
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") event.type = value;
        else if (field === "data") event.data += `${value}\n`;
        else if (field === "id" && !value.includes("\0")) event.id = value;
      }
    },
  };
}

function blank(): ServerEvent {
  return { type: "message", data: "", id: null };
}
