import { describe, expect, it } from "vitest";
import { readings, uploads } from "../../jobs/lib/health/example-uploads.ts";
import {
  type Alert,
  HealthRules,
  type LateReading,
  type ReadingWindow,
  type Upload,
} from "../../schemas/index.ts";
import { RULES } from "../platform/alerts.ts";
import { alertsDue, judgeAlertsDue, STRICT_RULES } from "./alerts-due.ts";
import { judgeAlerts, judgeReadings, judgeRevisions } from "./devices.ts";

const upload = (id: number, readings: number) =>
  ({
    participant: "p",
    device: "d",
    id,
    readings: Array.from({ length: readings }, () => ({})),
  }) as unknown as Upload;
const window = (startMs: number, revision: number, readings: number, size = "10s") =>
  ({ participant: "p", size, startMs, revision, readings }) as ReadingWindow;
const late = (missed: string) => ({ participant: "p", missed }) as LateReading;
const alert = (id: string, state: Alert["state"]) => ({ id, state }) as Alert;

describe("the verdict on devices", () => {
  const sent = [upload(1, 10), upload(2, 10), upload(2, 10)];
  const windows = [window(0, 0, 9), window(0, 1, 10), window(10, 0, 8), window(0, 0, 20, "1m")];
  const lates = [late("10s"), late("future"), late("1m")];

  it("finds nothing where each reading is in one window or late, uploads sent twice counted once", () => {
    expect(judgeReadings(sent, windows, lates)).toEqual([]);
    expect(judgeRevisions(windows)).toEqual([]);
  });

  it("finds a reading that is lost, or counted twice", () => {
    expect(judgeReadings(sent, windows.slice(0, 2), lates)).toEqual([
      "readings: of p 12 are in windows or late, 20 were uploaded",
    ]);
    expect(judgeReadings(sent, windows, [...lates, late("10s")])).toHaveLength(1);
  });

  it("finds a result of a window that is there twice, or is not there", () => {
    expect(judgeRevisions([...windows, window(10, 0, 8)])).toEqual([
      "windows: p/10s/10 has result 0, should be 1",
    ]);
    expect(judgeRevisions(windows.slice(1))).toHaveLength(1);
  });

  it("finds an alert that is in a state twice, or in one that lies behind it", () => {
    const life = [
      alert("a", "raised"),
      alert("b", "raised"),
      alert("a", "acknowledged"),
      alert("a", "cleared"),
    ];
    expect(judgeAlerts(life)).toEqual([]);
    expect(judgeAlerts([...life, alert("b", "raised")])).toEqual(["alerts: b is raised after raised"]);
    expect(judgeAlerts([...life, alert("a", "escalated")])).toHaveLength(1);
  });
});

describe("the alerts that are due", () => {
  const rules = [
    {
      topic: RULES,
      partition: 0,
      offset: 0,
      timestampMs: 0,
      key: Buffer.from(""),
      value: HealthRules.encode(STRICT_RULES),
    },
  ];
  const all = uploads(
    readings(0, 300, (second) => ({ hr: Math.round(140 + 25 * Math.sin(second / 60)) + (second % 7) })),
    10,
    { event: null },
  );
  const due = alertsDue(rules, all, []);

  it("are raised, escalated and cleared by the strict rules, whatever the order of the uploads and how often each came", () => {
    expect(due.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      "high_heart_rate raised",
      "high_heart_rate escalated",
      "high_heart_rate cleared",
    ]);
    expect(due[0]).toMatchObject({ limit: STRICT_RULES.hrLimit, rules: 1 });
    expect(alertsDue(rules, [...all, ...all].reverse(), [])).toEqual(due);
  });

  it("are those of the readings that were judged", () => {
    const late = all.filter(({ readings }) => readings.some(({ hr }) => hr! > 145));
    expect(alertsDue(rules, all, late)).toEqual([]);
  });

  it("must be there, each transition to the last field, and no others", () => {
    expect(judgeAlertsDue(due, due)).toEqual([]);
    expect(judgeAlertsDue(due.slice(0, 2), due)).toEqual([
      `alerts: ${due[0]!.id} was raised, escalated, should have been raised, escalated, cleared`,
    ]);
    expect(judgeAlertsDue([...due, { ...due[0]!, id: "x" }], due)).toEqual([
      "alerts: x was raised, should have been absent",
    ]);
    expect(judgeAlertsDue([{ ...due[0]!, value: 1 }, ...due.slice(1)], due)).toHaveLength(1);
    expect(judgeAlertsDue([...due, { ...due[0]!, id: "y", kind: "lost_signal" }], due)).toEqual([]);
    expect(judgeAlertsDue([], [])).toHaveLength(1);
  });
});
