/**
 * What a job means: an interpreter of its description over finite inputs (README.md).
 *
 *   interpreter   follows a schedule, and gives what comes of it
 *   schedule      what a run decides and the meaning leaves open
 *   sections      a job cut at its exchanges
 *   section       one task: operators, state, event time
 *   map · filter · flat-map · timestamps · watermark · key-by · process · windows/ · sink
 *                 what each operator means
 *   state · timers · broadcast · time
 *                 what keyed steps work with, and how far event time has come
 */
export { type InputRecord, type Inputs, Reference, type ReferenceOptions } from "./interpreter.ts";
export type { Remembered, RememberedEntry, RememberedTimer } from "./remembered.ts";
export type { Scheduled, Taken } from "./schedule.ts";
export type { Apart } from "./section.ts";
export { sectionId } from "./sections.ts";
export type { Written } from "./sink.ts";
