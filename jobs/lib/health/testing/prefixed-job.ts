/** The job on topics of its own, for the test against a real Kafka and ClickHouse. */
import { healthAlerts } from "../../../health-alerts.ts";

export const PREFIX = "test-";

export default healthAlerts(PREFIX);
