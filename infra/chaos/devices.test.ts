import { describe, expect, it } from "vitest";
import type { Alert, LateReading, ReadingWindow, Upload } from "../../schemas/index.ts";
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
  const uploads = [upload(1, 10), upload(2, 10), upload(2, 10)];
  const windows = [window(0, 0, 9), window(0, 1, 10), window(10, 0, 8), window(0, 0, 20, "1m")];
  const lates = [late("10s"), late("future"), late("1m")];

  it("finds nothing where each reading is in one window or late, uploads sent twice counted once", () => {
    expect(judgeReadings(uploads, windows, lates)).toEqual([]);
    expect(judgeRevisions(windows)).toEqual([]);
  });

  it("finds a reading that is lost, or counted twice", () => {
    expect(judgeReadings(uploads, windows.slice(0, 2), lates)).toEqual([
      "readings: of p 12 are in windows or late, 20 were uploaded",
    ]);
    expect(judgeReadings(uploads, windows, [...lates, late("10s")])).toHaveLength(1);
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
