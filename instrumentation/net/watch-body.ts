/**
 * Watching the body of a response while the service reads it, by whichever way. The stream stays the very object that
 * fetch() made, and so does the response: json(), text(), arrayBuffer(), bytes(), blob() and formData() read through
 * `body.getReader()`, clone() through `body.tee()`, and these few functions are replaced on the one stream. Nothing is
 * read that the service does not read, nothing ahead of it, and a cancelled stream is cancelled.
 *
 *   getReader      read() and cancel() of the reader
 *   values, for await   next() and return() of the iterator
 *   tee            both branches, which give the same bytes: what one has shown is not counted when the other does
 *   pipeTo, pipeThrough   run inside the platform, past all of the above: they pipe from a stream that pulls from this
 *                  one exactly when it is pulled from itself (high-water mark 0)
 *
 * A stream that is transferred to another thread is not seen.
 */
import { guarded } from "../health.ts";
import { fields } from "../untyped.ts";

/** What is told, in order and once. Never throws. */
export interface BodyListener {
  read(bytes: Uint8Array): void;
  /** All was read, or the service wants no more. */
  end(): void;
  fail(error: unknown): void;
  abandon(): void;
}

type Body = ReadableStream<Uint8Array>;
type Result = ReadableStreamReadResult<Uint8Array>;
type Reader = ReadableStreamDefaultReader<Uint8Array> | ReadableStreamBYOBReader;

/** What undici cancels a body with whose response was collected by the garbage collector. */
const COLLECTED = "Response object has been garbage collected";

export function watchBody(body: Body, listener: BodyListener): void {
  new StreamWatch(new Progress(listener), 0).watch(body);
}

/** Of one body, through all of the streams that it was split into. */
class Progress {
  /** Bytes that the listener was told of. */
  #told = 0;
  /** Branches that nobody has cancelled. */
  open = 1;
  readonly listener: BodyListener;

  constructor(listener: BodyListener) {
    this.listener = listener;
  }

  advance(from: number, chunk: Uint8Array): void {
    const news = from + chunk.byteLength - this.#told;
    if (news <= 0) return;
    this.#told += news;
    this.listener.read(news < chunk.byteLength ? chunk.subarray(chunk.byteLength - news) : chunk);
  }

  cancelled(reason: unknown): void {
    if (--this.open > 0) return;
    if (reason === COLLECTED) this.listener.abandon();
    else this.listener.end();
  }
}

/** One stream: the body, or a branch of it. Belongs to the stream and does not know it. */
class StreamWatch {
  readonly #progress: Progress;
  #position: number;
  #cancelled = false;

  constructor(progress: Progress, position: number) {
    this.#progress = progress;
    this.#position = position;
  }

  watch(stream: Body): void {
    around(stream, "getReader", (proceed) => {
      const reader = proceed() as Reader;
      guarded("watching a reader", () => this.#watchReader(reader));
      return reader;
    });
    around(stream, "values", (proceed, args) => this.#watchedIterator(proceed, args[0]));
    Object.defineProperty(stream, Symbol.asyncIterator, {
      value: Reflect.get(stream, "values"),
      configurable: true,
      writable: true,
    });
    around(stream, "tee", (proceed) => {
      const branches = proceed() as [Body, Body];
      guarded("watching branches", () => this.#watchBranches(branches));
      return branches;
    });
    around(stream, "pipeTo", (proceed, args, self) => {
      if (self.locked) return proceed();
      const { source, release } = pulledFrom(self);
      return (proceed(source, args) as Promise<void>).finally(release);
    });
    around(stream, "pipeThrough", (proceed, args, self) => {
      if (self.locked) return proceed();
      const { source, release } = pulledFrom(self);
      try {
        return proceed(source, args);
      } catch (error) {
        release();
        throw error;
      }
    });
    around(stream, "cancel", (proceed, [reason], self) => {
      if (!self.locked) this.#cancel(reason);
      return proceed();
    });
  }

  #watchReader(reader: Reader): void {
    let released = false;
    // A read that was waiting fails when the reader lets go of the stream, which itself is well.
    const onError = (error: unknown): never => {
      if (released) throw error;
      return this.#onError(error);
    };
    around(reader, "read", (proceed) =>
      (proceed() as Promise<Result>).then(this.#onResult, onError),
    );
    around(reader, "releaseLock", (proceed) => {
      released = true;
      return proceed();
    });
    around(reader, "cancel", (proceed, [reason]) => {
      this.#cancel(reason);
      return proceed();
    });
  }

  #watchedIterator(iterate: () => unknown, options: unknown): unknown {
    const iterator = iterate() as AsyncIterator<Uint8Array>;
    around(iterator, "next", (proceed) =>
      (proceed() as Promise<Result>).then(this.#onResult, this.#onError),
    );
    // One that leaves the stream as it is can be followed by another.
    if (fields(options)?.["preventCancel"]) return iterator;
    around(iterator, "return", (proceed, [reason]) => {
      this.#cancel(reason);
      return proceed();
    });
    return iterator;
  }

  #watchBranches(branches: readonly [Body, Body]): void {
    this.#progress.open++;
    for (const branch of branches) new StreamWatch(this.#progress, this.#position).watch(branch);
  }

  readonly #onResult = (result: Result): Result => {
    guarded("watching a body", () => {
      if (result.done) return this.#cancelled ? undefined : this.#progress.listener.end();
      const { value } = result;
      if (!ArrayBuffer.isView(value)) return;
      const from = this.#position;
      this.#position += value.byteLength;
      this.#progress.advance(from, value);
    });
    return result;
  };

  readonly #onError = (error: unknown): never => {
    this.#progress.listener.fail(error);
    throw error;
  };

  #cancel(reason: unknown): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    guarded("watching a body", () => this.#progress.cancelled(reason));
  }
}

/** Asks the stream for a chunk when it is asked for one, and holds none. */
function pulledFrom(stream: Body): { source: Body; release: () => void } {
  const reader = stream.getReader();
  const source = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        controller.close();
        reader.releaseLock();
      },
      cancel: (reason) => reader.cancel(reason).finally(() => reader.releaseLock()),
    },
    { highWaterMark: 0 },
  );
  return { source, release: () => reader.releaseLock() };
}

/** Calls what was there before, on the same object with the same arguments unless others are given. */
type Proceed = (self?: unknown, args?: unknown[]) => unknown;

/** An own method before the inherited one; not enumerable, like that. */
function around<T extends object>(
  target: T,
  name: string,
  advice: (proceed: Proceed, args: unknown[], self: T) => unknown,
): void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== "function") return;
  const value = function (this: T, ...args: unknown[]): unknown {
    const proceed: Proceed = (self = this, given = args) =>
      Reflect.apply(original, self, given) as unknown;
    return advice(proceed, args, this);
  };
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
