/**
 * Authors' functions give values, not promises: what an async one does after its first `await` happens under another record's key,
 * outside of any epoch, and cannot be taken back.
 *
 * Types and the planner refuse most; these find the rest in what a function gave. The promise is heard to its end, so that its
 * rejection is none that nobody handles, which would end the task.
 */
export function isPromise(given: unknown): given is PromiseLike<unknown> {
  return (
    typeof given === "object" && given !== null && typeof (given as { then?: unknown }).then === "function"
  );
}

/** @param what the function, such as `process`. @throws if what it gave is a promise; that sets the record apart. */
export function refusePromise(what: string, given: unknown): void {
  if (!isPromise(given)) return;
  given.then(
    () => {},
    () => {},
  );
  throw new Error(`${what} must not be async, nor give a promise: a record is done when its call returns`);
}

/** What a function gave, which is no promise. */
export function settled<T>(what: string, given: T): T {
  refusePromise(what, given);
  return given;
}
