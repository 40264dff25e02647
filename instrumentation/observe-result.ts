/**
 * Seeing what a function of any kind returned, without changing it: a value, a promise, another thenable (a query
 * builder, an APIPromise), an async iterator.
 *
 * A plain promise is passed on as one that settles the same way, so that an error that nobody listens to is still
 * reported. Anything else is handed over as the very object: its `then`, or its `next`, is watched.
 */
import { forget, onAbandoned, type Abandonable } from "./abandoned.ts";
import { guarded } from "./health.ts";
import { fields, memberOf } from "./untyped.ts";

/** What is told, at least once. Never throws. */
export interface ResultWatch {
  /** Of an async iterator: what `chunk` was given is all there was, and `value` is what it returned. */
  succeed(value: unknown): void;
  fail(error: unknown): void;
  /** The service let go of it. */
  abandon(): void;
  /** It is an async iterator. */
  streams?(): void;
  chunk?(value: unknown): void;
  /** Runs the steps of an async iterator, so that what they start belongs to this call. */
  run<T>(work: () => T): T;
}

export function observeResult<Result>(result: Result, watch: ResultWatch): Result {
  if (result instanceof Promise && result.constructor === Promise)
    return result.then(
      (value: unknown) => {
        settle(value, watch);
        return value;
      },
      (error: unknown) => {
        watch.fail(error);
        throw error;
      },
    ) as Result;
  settle(result, watch);
  return result;
}

/** A value, or what will give one when it is asked. */
function settle(value: unknown, watch: ResultWatch): void {
  const watched = guarded("observing a result", () => {
    if (isIterator(value)) return watchIterator(value, watch);
    const then = memberOf(value, "then");
    return typeof then === "function" ? watchThen(value as object, then as Then, watch) : false;
  });
  if (!watched) watch.succeed(value);
}

type Then = (this: unknown, fulfilled: unknown, rejected: unknown) => unknown;

function watchThen(thenable: object, original: Then, watch: ResultWatch): boolean {
  const call: Abandonable = { abandon: () => watch.abandon() };
  const then = function (this: unknown, fulfilled?: unknown, rejected?: unknown): unknown {
    const onValue = (value: unknown): unknown => {
      forget(call);
      settle(value, watch);
      return typeof fulfilled === "function"
        ? (Reflect.apply(fulfilled, undefined, [value]) as unknown)
        : value;
    };
    const onError = (error: unknown): unknown => {
      forget(call);
      watch.fail(error);
      if (typeof rejected === "function")
        return Reflect.apply(rejected, undefined, [error]) as unknown;
      throw error;
    };
    return original.call(this, onValue, onError);
  };
  // oxlint-disable-next-line no-thenable -- it has a then already; this one stands before it
  Object.defineProperty(thenable, "then", { value: then, configurable: true, writable: true });
  onAbandoned(thenable, call);
  return true;
}

function isIterator(value: unknown): value is AsyncIterator<unknown> {
  return (
    typeof memberOf(value, "next") === "function" &&
    typeof Reflect.get(value as object, Symbol.asyncIterator) === "function"
  );
}

/** The iterator stays what it is; its own next, return and throw pass everything on one to one. */
function watchIterator(iterator: AsyncIterator<unknown>, watch: ResultWatch): boolean {
  const call: Abandonable = { abandon: () => watch.abandon() };
  watch.streams?.();
  for (const name of ["next", "return", "throw"] as const) {
    const original = iterator[name];
    if (!original) continue;
    const step = function (this: unknown, ...args: unknown[]): unknown {
      call.lastActivity = performance.now();
      const onStep = (result: unknown): void => {
        const { done, value } = fields(result) ?? {};
        if (!done && name === "next") return watch.chunk?.(value);
        forget(call);
        watch.succeed(value);
      };
      const onError = (error: unknown): void => {
        forget(call);
        watch.fail(error);
      };
      return observeStep(
        () => watch.run(() => Reflect.apply(original, this, args) as unknown),
        onStep,
        onError,
      );
    };
    Object.defineProperty(iterator, name, { value: step, configurable: true, writable: true });
  }
  onAbandoned(iterator, call);
  return true;
}

/**
 * An object that makes its iterator when it is asked for it. It stays what it is; the first iterator is the one that
 * reads. false: it is no such object.
 */
export function observeIterable(value: unknown, watch: ResultWatch): boolean {
  const original: unknown =
    typeof value === "object" && value !== null && Reflect.get(value, Symbol.asyncIterator);
  if (typeof original !== "function") return false;
  const iterable = value as object;
  const call: Abandonable = { abandon: () => watch.abandon() };
  let read = false;
  const iterate = function (this: unknown): unknown {
    const iterator: unknown = Reflect.apply(original, this, []);
    if (read || !isIterator(iterator)) return iterator;
    read = true;
    // From here on the iterator is what must stay alive.
    forget(call);
    guarded("observing an iterator", () => watchIterator(iterator, watch));
    return iterator;
  };
  Object.defineProperty(iterable, Symbol.asyncIterator, { value: iterate, configurable: true });
  onAbandoned(iterable, call);
  return true;
}

/** Iterators written by hand may answer at once, or throw. */
function observeStep(
  take: () => unknown,
  onStep: (result: unknown) => void,
  onError: (error: unknown) => void,
): unknown {
  let step: unknown;
  try {
    step = take();
  } catch (error) {
    onError(error);
    throw error;
  }
  if (step instanceof Promise)
    return step.then(
      (result: unknown) => {
        onStep(result);
        return result;
      },
      (error: unknown) => {
        onError(error);
        throw error;
      },
    );
  onStep(step);
  return step;
}
