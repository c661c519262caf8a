import {
  boundedDisorder,
  collect,
  job,
  minutes,
  seconds,
  session,
  sideOutput,
  topic,
  valueState,
} from "../index.ts";
import { Alert, Profile, Reading, Rule, Text, Time } from "./schemas.ts";

const wrongClock = sideOutput<Reading>("wrong-clock");
const LOST_AFTER = minutes(2);

/** Heart rates over a personal limit, and devices that went silent: Kafka `readings` → `alerts`, `activity`. */
export default job("heart-alerts", (flow) => {
  const rules = flow.broadcast(topic("rules", Rule), {
    keyOf: ({ name }) => name,
    activeFrom: ({ fromMs }) => fromMs,
  });
  const profiles = flow.versions(topic("profiles", Profile), { timeOf: ({ fromMs }) => fromMs });

  const readings = flow
    .from(topic("readings", Reading))
    .watermark(boundedDisorder({ timeOf: ({ tsMs }) => tsMs, disorderMax: seconds(5) }))
    .keyBy(({ device }) => device)
    .dedup("once", { idOf: ({ id }) => id, within: minutes(10) })
    .deviceClock("clock", { skewMax: minutes(1), wrong: wrongClock });
  readings.side(wrongClock).to(topic("wrong-clocks", Reading));

  readings
    .join("with-limit", profiles, {
      codec: Reading,
      join: (reading, profile) => ({ ...reading, limit: profile?.limit ?? 180 }),
    })
    .process("over-limit", {
      emits: Alert,
      state: { raisedAt: valueState(Time, { ttl: { after: minutes(10), time: "event" } }) },
      tables: { rules },
      process({ device, hr, limit, tsMs }, { state, tables, emit }) {
        const tolerance = tables.rules.get("tolerance")?.tolerance ?? 0;
        if (hr <= limit + tolerance || state.raisedAt.get() !== undefined) return;
        state.raisedAt.put(tsMs);
        emit({ device, kind: "over-limit", atMs: tsMs, rules: tables.rules.version });
      },
    })
    .union(
      readings.process("silence", {
        emits: Alert,
        state: { due: valueState(Time) },
        timers: ["processing"],
        process(_reading, { state, now, timers }) {
          const due = state.due.get();
          if (due !== undefined) timers.deleteProcessingTime(due);
          state.due.put(now + LOST_AFTER);
          timers.onProcessingTime(now + LOST_AFTER);
        },
        onTimer({ timeMs }, { key, state, emit }) {
          state.due.clear();
          emit({ device: key, kind: "lost-signal", atMs: timeMs - LOST_AFTER, rules: 0 });
        },
      }),
    )
    .to(topic("alerts", Alert, { key: ({ device }) => device }));

  readings
    .window(
      "activity",
      session(minutes(5)),
      collect({
        codec: Reading,
        result: (all, { key, start, end }) =>
          `${key} was active for ${(end - start) / 1000} s: ${all.map(({ hr }) => hr).join(" ")}`,
      }),
    )
    .to(topic("activity", Text));
});
