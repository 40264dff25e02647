/** Errors are told apart by their class; those of signals have one class and two names. */
class AbortError extends Error {}
class TimeoutError extends Error {}

export function named(error: unknown): unknown {
  if (!(error instanceof DOMException)) return error;
  if (error.name === "AbortError") return new AbortError(error.message);
  return error.name === "TimeoutError" ? new TimeoutError(error.message) : error;
}
