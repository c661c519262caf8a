/** What the author of a job imports. */
export { type Codec, codec, codecOf } from "../schemas/codec.ts";
export { type JobDefinition, job } from "./dsl/job.ts";
export {
  type Context,
  type KeyedProcess,
  type SideOutput,
  sideOutput,
  type Table,
  type TableReference,
  type TimeDomain,
} from "./dsl/process.ts";
export { type MapState, mapState, type ValueState, valueState } from "./dsl/state.ts";
export { Flow, KeyedStream, ProcessedStream, Stream } from "./dsl/stream.ts";
export { type Topic, topic } from "./dsl/topic.ts";
export { boundedDisorder, type WatermarkStrategy } from "./dsl/watermark.ts";
export { hours, milliseconds, minutes, seconds } from "./time.ts";
