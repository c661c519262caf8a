/** The records of the guide's jobs. */
import { codecOf } from "../index.ts";

const record = (name: string, fields: object) => ({
  type: "record",
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});

export interface Reading {
  device: string;
  id: string;
  tsMs: number;
  /** Beats per minute. */
  hr: number;
}
export const Reading = codecOf<Reading>(
  "reading",
  record("Reading", { device: "string", id: "string", tsMs: "long", hr: "int" }),
);

export interface Summary {
  device: string;
  startMs: number;
  pane: string;
  count: number;
  max: number;
  mean: number;
}
export const Summary = codecOf<Summary>(
  "summary",
  record("Summary", {
    device: "string",
    startMs: "long",
    pane: "string",
    count: "int",
    max: "int",
    mean: "double",
  }),
);

export interface HeartRates {
  count: number;
  max: number;
  sum: number;
}
export const HeartRates = codecOf<HeartRates>(
  "heart-rates",
  record("HeartRates", { count: "int", max: "int", sum: "double" }),
);

export interface Alert {
  device: string;
  kind: string;
  atMs: number;
  rules: number;
}
export const Alert = codecOf<Alert>(
  "alert",
  record("Alert", { device: "string", kind: "string", atMs: "long", rules: "int" }),
);

export interface Profile {
  limit: number;
  fromMs: number;
}
export const Profile = codecOf<Profile>("profile", record("Profile", { limit: "int", fromMs: "long" }));

export interface Rule {
  name: string;
  tolerance: number;
  fromMs: number;
}
export const Rule = codecOf<Rule>(
  "rule",
  record("Rule", { name: "string", tolerance: "int", fromMs: "long" }),
);

export const Text = codecOf<string>("text", "string");
export const Time = codecOf<number>("time", "double");
