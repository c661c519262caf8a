/** What the peers' bench puts on its topics, and what it takes: `peers/schemas`, with the names it gives to the fields. */
import { codecOf } from "../../../runtime/index.ts";

export interface Reading {
  ts: number;
  hr: number;
  lat: number;
  lon: number;
  distance: number;
  steps: number;
}

export interface Upload {
  participant: string;
  readings: Reading[];
}

export interface WindowResult {
  participant: string;
  start: number;
  end: number;
  count: number;
  min: number;
  max: number;
  avg: number;
}

export interface Alert {
  participant: string;
  ts: number;
  hr: number;
  /** Kafka timestamp of the record that set it off, Unix milliseconds. */
  sent: number;
}

export const Upload = codecOf<Upload>("upload", {
  type: "record",
  name: "Upload",
  namespace: "bench",
  fields: [
    { name: "participant", type: "string" },
    {
      name: "readings",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Reading",
          fields: [
            { name: "ts", type: "long" },
            { name: "hr", type: "int" },
            { name: "lat", type: "double" },
            { name: "lon", type: "double" },
            { name: "distance", type: "float" },
            { name: "steps", type: "int" },
          ],
        },
      },
    },
  ],
});

export const WindowResult = codecOf<WindowResult>("window-result", {
  type: "record",
  name: "WindowResult",
  namespace: "bench",
  fields: [
    { name: "participant", type: "string" },
    { name: "start", type: "long" },
    { name: "end", type: "long" },
    { name: "count", type: "long" },
    { name: "min", type: "int" },
    { name: "max", type: "int" },
    { name: "avg", type: "double" },
  ],
});

export const Alert = codecOf<Alert>("alert", {
  type: "record",
  name: "Alert",
  namespace: "bench",
  fields: [
    { name: "participant", type: "string" },
    { name: "ts", type: "long" },
    { name: "hr", type: "int" },
    { name: "sent", type: "long" },
  ],
});
