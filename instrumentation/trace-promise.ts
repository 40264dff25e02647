/** SDKs whose methods return a plain promise of an answer, or of an async iterator over one. */
import type { Dialect, StreamReader } from "./dialect.ts";
import { countError, guarded } from "./health.ts";
import { startModelCall, type CallRequest, type ModelCall } from "./model-call.ts";
import { observeIterable, observeResult, type ResultWatch } from "./observe-result.ts";
import type { Tracer } from "./patch-method.ts";
import { isFields } from "./untyped.ts";

/** What is asked, and of whom; undefined where it cannot be told. */
type Describe = (
  self: unknown,
  args: readonly unknown[],
) => Omit<CallRequest, "dialect"> | undefined;

export function tracePromise(dialect: Dialect, describe: Describe): Tracer {
  return (original, self, args) => {
    const request = guarded("describing a call", () => describe(self, args));
    const call = request && startModelCall({ dialect, ...request });
    if (!call) return Reflect.apply(original, self, args);
    return observeCall(call, () => Reflect.apply(original, self, args) as unknown);
  };
}

/** Of an answer: the async iterable in it that streams. */
type StreamOf = (answer: unknown) => unknown;

/**
 * Runs the call, and ends it with what comes of it.
 * @param streamOf where the stream is not the answer itself
 */
export function observeCall<T>(call: ModelCall, work: () => T, streamOf?: StreamOf): T {
  let result: T;
  try {
    result = call.run(work);
  } catch (error) {
    call.fail(error);
    throw error;
  }
  return observeResult(result, new CallWatch(call, streamOf));
}

/** An answer in one piece, or what an iterator gave. */
class CallWatch implements ResultWatch {
  readonly #call: ModelCall;
  readonly #reader: StreamReader;
  readonly #streamOf: StreamOf | undefined;
  #streams = false;

  constructor(call: ModelCall, streamOf: StreamOf | undefined) {
    this.#call = call;
    this.#streamOf = streamOf;
    this.#reader = call.dialect.stream();
  }

  streams(): void {
    this.#streams = true;
  }

  chunk(value: unknown): void {
    guarded("reading a chunk", () => {
      if (this.#reader.read(value)) this.#call.firstChunk();
    });
  }

  succeed(value: unknown): void {
    try {
      const stream = this.#streams ? undefined : this.#streamOf?.(value);
      if (stream !== undefined && observeIterable(stream, this)) this.#streams = true;
      else if (this.#streams) this.#call.succeed(this.#reader.reply());
      else if (isFields(value)) this.#call.succeed(this.#call.dialect.reply(value));
      else this.#call.finishUnseen();
    } catch (error) {
      countError("reading an answer", error);
      this.#call.finishUnseen();
    }
  }

  fail(error: unknown): void {
    this.#call.fail(error, this.#streams ? this.#reader.reply() : undefined);
  }

  abandon(): void {
    this.#call.abandon(this.#reader.reply());
  }

  run<T>(work: () => T): T {
    return this.#call.run(work);
  }
}
