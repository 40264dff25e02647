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
    observe(promise, call);
  } catch (error) {
    countError("observing a call", error);
    call.finishUnseen();
  }
}

type Functions = Record<"parse" | "_thenUnwrap" | "asResponse", Method>;

interface Observation {
  readonly call: ModelCall;
  /** The promise's own. */
  readonly original: Functions;
  /** Its value is seen where it is derived from. */
  readonly isDerived: boolean;
  /** What the SDK reads the body for. */
  parsing: { begun: boolean };
  result: Promise<unknown> | undefined;
}

/** Of promises that are observed. */
const OBSERVATION = Symbol("assay.observation");

interface ApiPromise extends Functions {
  [OBSERVATION]?: Observation;
}

function isApiPromise(value: unknown): value is ApiPromise {
  if (!(value instanceof Promise)) return false;
  const { parse, _thenUnwrap, asResponse } = value as Partial<Functions> & Promise<unknown>;
  return [parse, _thenUnwrap, asResponse].every((one) => typeof one === "function");
}

/**
 * The functions are the same for every promise, and find what belongs to one on it. With functions made anew for each,
 * V8 let all that a call holds survive garbage collections (docs/overhead.md).
 *
 * @param source what the promise is derived from
 */
function observe(promise: ApiPromise, call: ModelCall, source?: Observation): void {
  const { parse, _thenUnwrap, asResponse } = promise;
  promise[OBSERVATION] = {
    call,
    original: { parse, _thenUnwrap, asResponse },
    isDerived: source !== undefined,
    parsing: source?.parsing ?? { begun: false },
    result: undefined,
  };
  promise.parse = observedParse;
  promise.asResponse = observedAsResponse;
  if (!source) promise._thenUnwrap = observedThenUnwrap;
}

function observedParse(this: unknown): unknown {
  const observation = observationOf(this);
  const { call, original, isDerived, parsing } = observation;
  if (observation.result) return observation.result;
  parsing.begun = true;
  observation.result = (original.parse.call(this) as Promise<unknown>).then(
    (value) => {
      if (!isDerived) settle(value, call);
      return value;
    },
    (error: unknown) => {
      call.fail(error);
      throw error;
    },
  );
  return observation.result;
}

function observedThenUnwrap(this: unknown, transform: unknown, ...rest: unknown[]): unknown {
  const observation = observationOf(this);
  const { call, original } = observation;
  const derived = original._thenUnwrap.call(
    this,
    function (this: unknown, value: unknown, ...args: unknown[]) {
      settle(value, call);
      return (transform as Method).call(this, value, ...args);
    },
    ...rest,
  );
  if (isApiPromise(derived)) observe(derived, call, observation);
  return derived;
}

function observedAsResponse(this: unknown): unknown {
  const { call, original, parsing } = observationOf(this);
  return (original.asResponse.call(this) as Promise<unknown>).then(
    (response) => {
      // withResponse asks for both; then the SDK reads the body and parse sees it.
      if (!parsing.begun) observeResponse(response, call);
      return response;
    },
    (error: unknown) => {
      call.fail(error);
      throw error;
    },
  );
}

function observationOf(promise: unknown): Observation {
  const observation = (promise as ApiPromise)[OBSERVATION];
  if (!observation) throw new TypeError("expected a method of an APIPromise to be called on it");
  return observation;
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
