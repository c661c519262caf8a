/** The running program's API, for a command. */
import { type ApiClient, apiClient } from "./api-client.ts";
import { findApi, findToken, type Whereabouts } from "./places.ts";

/** @throws NotRunningError */
export function connect(where: Whereabouts): ApiClient {
  const api = findApi(where);
  return apiClient(api, findToken(where.data, api));
}
