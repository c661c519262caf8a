/** What the peers' bench puts on its topics, and what it takes: the schemas in `peers/schemas`, with their types. */
import { readFileSync } from "node:fs";
import { type Codec, codecOf } from "../../schemas/codec.ts";

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

const codec = <T>(name: string): Codec<T> =>
  codecOf<T>(
    name,
    JSON.parse(readFileSync(new URL(`./peers/schemas/${name}.avsc`, import.meta.url), "utf8")),
  );

export const Upload = codec<Upload>("upload");
export const WindowResult = codec<WindowResult>("window");
export const Alert = codec<Alert>("alert");
