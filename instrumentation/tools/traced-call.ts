/** One call of a function that is traced as an operation: its span, what it took and what came of it. */
import type { Attributes } from "@opentelemetry/api";
import { boundedJson } from "../bounded-json.ts";
import { PART_LIMIT, type ContentWriter } from "../content-writer.ts";
import { countError } from "../health.ts";
import { observeResult, type ResultWatch } from "../observe-result.ts";
import { OperationSpan, type OperationRequest } from "../operation-span.ts";
import { currentTracing, type Tracing } from "../tracing.ts";

export interface CallDescription extends OperationRequest {
  /** Writes what the call took and gave. Runs later, and only where the content policy lets it. */
  write(attributes: Attributes, writer: ContentWriter, result: unknown): void;
  /** error.type of a result that says itself that the call failed. */
  failure?(result: unknown): string | undefined;
  /** @default its class */
  errorType?(error: unknown): string | undefined;
}

/**
 * Calls `work` and returns what it returned.
 * @param describe undefined: this call is not traced
 */
export function traceCall<Result>(
  describe: (tracing: Tracing) => CallDescription | undefined,
  work: () => Result,
): Result {
  const call = startCall(describe);
  if (!call) return work();
  let result: Result;
  try {
    result = call.run(work);
  } catch (error) {
    call.fail(error);
    throw error;
  }
  return observeResult(result, call);
}

function startCall(
  describe: (tracing: Tracing) => CallDescription | undefined,
): TracedCall | undefined {
  try {
    const tracing = currentTracing();
    const description = tracing && describe(tracing);
    return description && new TracedCall(new OperationSpan(tracing, description), description);
  } catch (error) {
    countError("starting an operation", error);
    return undefined;
  }
}

class TracedCall implements ResultWatch {
  readonly #span: OperationSpan;
  readonly #description: CallDescription;
  /** What an async iterator gave: its text, or the last that was no text. */
  #text = "";
  #last: unknown;

  constructor(span: OperationSpan, description: CallDescription) {
    this.#span = span;
    this.#description = description;
  }

  run<T>(work: () => T): T {
    return this.#span.run(work);
  }

  chunk(value: unknown): void {
    if (typeof value !== "string") this.#last = value;
    else if (this.#text.length < PART_LIMIT) this.#text += value;
  }

  succeed(value: unknown): void {
    const result = value ?? (this.#text || this.#last);
    const failure = this.#description.failure?.(result);
    this.#end(result, failure === undefined ? undefined : new Error(failure), failure);
  }

  fail(error: unknown): void {
    const cause = error ?? new Error("unknown error");
    this.#end(this.#text || this.#last, cause, this.#description.errorType?.(cause));
  }

  abandon(): void {
    this.#end(this.#text || this.#last, undefined);
  }

  #end(result: unknown, error: unknown, errorType?: string): void {
    this.#span.end({
      error,
      errorType,
      // What objects hold is not known before they are written, and at most so much of them is.
      contentSize: PART_LIMIT,
      write: (attributes, writer) => this.#description.write(attributes, writer, result),
    });
  }
}

/** Text as it is, anything else as JSON. undefined: there is nothing to show. */
export function writtenValue(value: unknown, writer: ContentWriter): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string") return writer.text(value);
  return JSON.stringify(writer.json(boundedJson(value, PART_LIMIT)));
}
