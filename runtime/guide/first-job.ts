import { job, topic } from "../index.ts";
import { Reading } from "./schemas.ts";

/** Readings with a heart rate that a heart can have: Kafka `readings` → `plausible-readings`. */
export default job("plausible-readings", (flow) => {
  flow
    .from(topic("readings", Reading))
    .filter("plausible", ({ hr }) => hr >= 25 && hr <= 240)
    .to(topic("plausible-readings", Reading, { key: ({ device }) => device }));
});
