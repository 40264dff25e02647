/**
 * Seeing the outcome of a call without changing what the call returns.
 *
 * The SDKs of this family return an APIPromise: a promise that sends the request at once but reads the body only when
 * it is asked for it, through `then`, `withResponse` or a derived promise; `asResponse` hands out the raw response. So
 * `then` is never called here: that would read the body behind the service's back, and the service would find it used.
 * Instead the three functions that everything goes through are replaced on this one object.
 *
 *   parse          every await and withResponse; the outcome is seen on the way through
 *   _thenUnwrap    the SDK's own helpers (parse, AzureOpenAI…) derive promises with it; the value is seen in the
 *                  transform, an error in the derived promise's parse
 *   asResponse     when only the raw response is wanted, its json() and text() are watched
 */
import { countError, warnOnce } from "./health.ts";
import type { ModelCall } from "./model-call.ts";
import { observeResponse } from "./observe-response.ts";
import { observeStream } from "./observe-stream.ts";
import { isFields } from "./untyped.ts";

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** Never throws; on a shape that is not known the call is ended and left alone. */
export function observePromise(promise: unknown, call: ModelCall): void {
  try {
    if (!isApiPromise(promise)) {
      warnOnce(
        "shape",
        "a call returned something other than an APIPromise; its answer is not traced",
      );
      call.finishUnseen();
      return;
    }
    const state: Observation = { call, parsed: false };
    replaceParse(promise, state, (value) => settle(value, call));
    replaceThenUnwrap(promise, state);
    replaceAsResponse(promise, state);
  } catch (error) {
    countError("observing a call", error);
    call.finishUnseen();
  }
}

interface Observation {
  readonly call: ModelCall;
  /** The SDK itself reads the body. */
  parsed: boolean;
}

interface ApiPromise {
  parse: Method;
  _thenUnwrap: Method;
  asResponse: Method;
}

function isApiPromise(value: unknown): value is ApiPromise {
  return (
    value instanceof Promise &&
    ["parse", "_thenUnwrap", "asResponse"].every(
      (name) => typeof Reflect.get(value, name) === "function",
    )
  );
}

function replaceParse(
  promise: ApiPromise,
  state: Observation,
  seen: (value: unknown) => void,
): void {
  const original = promise.parse;
  let result: Promise<unknown> | undefined;
  promise.parse = function (): unknown {
    if (result) return result;
    state.parsed = true;
    result = (original.call(this) as Promise<unknown>).then(
      (value) => {
        seen(value);
        return value;
      },
      (error: unknown) => {
        state.call.fail(error);
        throw error;
      },
    );
    return result;
  };
}

function replaceThenUnwrap(promise: ApiPromise, state: Observation): void {
  const original = promise._thenUnwrap;
  promise._thenUnwrap = function (transform, ...rest): unknown {
    const derived = original.call(
      this,
      function (this: unknown, value: unknown, ...args: unknown[]) {
        settle(value, state.call);
        return (transform as Method).call(this, value, ...args);
      },
      ...rest,
    );
    if (isApiPromise(derived)) {
      replaceParse(derived, state, () => undefined);
      replaceAsResponse(derived, state);
    }
    return derived;
  };
}

function replaceAsResponse(promise: ApiPromise, state: Observation): void {
  const original = promise.asResponse;
  promise.asResponse = function (): unknown {
    return (original.call(this) as Promise<unknown>).then(
      (response) => {
        // withResponse asks for both; then the SDK reads the body and parse sees it.
        if (!state.parsed) observeResponse(response, state.call);
        return response;
      },
      (error: unknown) => {
        state.call.fail(error);
        throw error;
      },
    );
  };
}

/** The answer, or a stream of it. Never throws. */
function settle(value: unknown, call: ModelCall): void {
  try {
    if (observeStream(value, call)) return;
    if (isFields(value)) call.succeed(call.dialect.reply(value));
    else call.finishUnseen();
  } catch (error) {
    countError("reading an answer", error);
    call.finishUnseen();
  }
}
