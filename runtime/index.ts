/** What the author of a job imports. */
export { type Codec, codec, codecOf } from "../schemas/codec.ts";
export { type Aggregate, aggregate, collect } from "./dsl/aggregate.ts";
export { Flow } from "./dsl/flow.ts";
export { type JobDefinition, job } from "./dsl/job.ts";
export {
  type Broadcast,
  type BroadcastReference,
  type Context,
  type KeyedProcess,
  type SideOutput,
  sideOutput,
  type Table,
  type TableReference,
  type TimeDomain,
} from "./dsl/process.ts";
export {
  type AggregatingState,
  aggregatingState,
  type ListState,
  listState,
  type MapState,
  mapState,
  reducingState,
  type StateOptions,
  type TimeToLive,
  type ValueState,
  valueState,
} from "./dsl/state.ts";
export type { DedupOptions } from "./dsl/steps/dedup.ts";
export type { DeviceClockOptions } from "./dsl/steps/device-clock.ts";
export type { JoinOptions, Row } from "./dsl/steps/join.ts";
export type { ReorderOptions } from "./dsl/steps/reorder.ts";
export { KeyedStream, Stream, TimedStream, type VersionedTable } from "./dsl/stream.ts";
export { type Topic, topic } from "./dsl/topic.ts";
export {
  boundedDisorder,
  type WatermarkGenerator,
  type WatermarkOptions,
  type WatermarkStrategy,
  watermarkBy,
} from "./dsl/watermark.ts";
export {
  calendarDay,
  calendarMonth,
  calendarWeek,
  countWindow,
  type EarlyResults,
  everyEventTime,
  everyProcessingTime,
  everyRecords,
  type Pane,
  session,
  sliding,
  tumbling,
  type Window,
  type WindowAssigner,
  type WindowOptions,
  windowsBy,
} from "./dsl/window.ts";
export { JobError } from "./errors.ts";
export { hours, milliseconds, minutes, seconds } from "./time.ts";
