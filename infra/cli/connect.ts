/** The running program's API, for a command. */
import { type ApiClient, apiClient } from "./api-client.ts";
import { findApi, type Whereabouts } from "./places.ts";

/** Name of the variable that holds the token for what changes something: of the program, and of commands. */
export const TOKEN_VARIABLE = "PACE_CONTROL_TOKEN";

/** @throws NotRunningError */
export function connect(where: Whereabouts): ApiClient {
  return apiClient(findApi(where), process.env[TOKEN_VARIABLE]);
}
