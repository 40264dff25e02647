/**
 * Watching a stream while the service reads it. The SDK's Stream makes its iterator in one place, `stream.iterator`,
 * from which async iteration, tee() and toReadableStream() all draw. The iterator that it makes stays what it is; its
 * next, return and throw are replaced on the object itself and pass everything on one to one, so that a `break` still
 * aborts the request. Nothing is read ahead, nothing buffered for the service.
 */
import { forget, onAbandoned, type Abandonable } from "./abandoned.ts";
import type { StreamReader } from "./dialect.ts";
import { countError, guarded } from "./health.ts";
import type { ModelCall } from "./model-call.ts";

interface StreamLike {
  iterator: (this: unknown) => AsyncIterator<unknown>;
  controller: AbortController;
}

/** false: not a stream. */
export function observeStream(value: unknown, call: ModelCall): boolean {
  if (!isStream(value)) return false;
  const watch = new StreamWatch(call);
  const original = value.iterator;
  value.iterator = function (): AsyncIterator<unknown> {
    const iterator = original.call(this);
    guarded("observing a stream", () => watch.follow(iterator));
    return iterator;
  };
  onAbandoned(value, watch);
  return true;
}

function isStream(value: unknown): value is StreamLike {
  return (
    typeof value === "object" &&
    value !== null &&
    "iterator" in value &&
    typeof value.iterator === "function" &&
    "controller" in value &&
    Symbol.asyncIterator in value
  );
}

/** Belongs to the stream's iterator; knows the call, never the stream. */
class StreamWatch implements Abandonable {
  lastActivity = performance.now();
  readonly #call: ModelCall;
  readonly #reader: StreamReader;
  #following = false;

  constructor(call: ModelCall) {
    this.#call = call;
    this.#reader = call.dialect.stream();
  }

  /** The first iterator is the one that reads; the SDK refuses a second. */
  follow(iterator: AsyncIterator<unknown>): void {
    if (this.#following) return;
    this.#following = true;
    // From here on the iterator is what must stay alive, the stream may go.
    forget(this);
    onAbandoned(iterator, this);
    this.#replaceNext(iterator);
    this.#replaceEnd(iterator, "return");
    this.#replaceEnd(iterator, "throw");
  }

  abandon(): void {
    this.#call.abandon(this.#reader.reply());
  }

  #replaceNext(iterator: AsyncIterator<unknown>): void {
    // oxlint-disable-next-line typescript/unbound-method -- applied to its iterator below
    const original = iterator.next;
    const onResult = (result: IteratorResult<unknown>) => {
      if (result.done) this.#complete();
      else this.#read(result.value);
      return result;
    };
    const onError = (error: unknown): never => {
      this.#end(() => this.#call.fail(error, this.#reader.reply()));
      throw error;
    };
    iterator.next = function (...args) {
      return original.apply(this, args).then(onResult, onError);
    };
  }

  /** `return` comes from a break, `throw` from a consumer that injects an error: both close the request. */
  #replaceEnd(iterator: AsyncIterator<unknown>, name: "return" | "throw"): void {
    const original = iterator[name];
    if (!original) return;
    const complete = (): void => this.#complete();
    iterator[name] = function (...args: [value?: unknown]) {
      complete();
      return Reflect.apply(original, this, args);
    };
  }

  #read(event: unknown): void {
    this.lastActivity = performance.now();
    try {
      if (this.#reader.read(event)) this.#call.firstChunk();
    } catch (error) {
      countError("reading a chunk", error);
    }
  }

  #complete(): void {
    this.#end(() => this.#call.succeed(this.#reader.reply()));
  }

  #end(end: () => void): void {
    forget(this);
    guarded("ending a stream", end);
  }
}
