/** The runners' job on topics of its own, for the test against a real Kafka and ClickHouse. Event time goes by what is read alone. */
import { topic } from "../../../../runtime/index.ts";
import { Upload } from "../../../../schemas/index.ts";
import { RUNNERS } from "../../../windowed-aggregates.ts";
import { type AggregatesOptions, windowedAggregates } from "../job.ts";

export const PREFIX = "test-aggregates-";

const { quietAfter: _quietAfter, ...withoutQuiet } = RUNNERS;
export const RECORDINGS: AggregatesOptions = {
  ...withoutQuiet,
  name: "test-aggregates",
  uploads: topic(`${PREFIX}uploads`, Upload),
  prefix: PREFIX,
};

export default windowedAggregates(RECORDINGS);
