/**
 * The net: model calls of any client that goes through `fetch`, where no SDK of it is patched. A request that is a
 * model call (formats.ts) gets a span, and its answer is read along as the service reads it (watch-body.ts). What
 * fetch() is given and what it gives are the same objects as ever, and every other request passes after one look at
 * its address.
 *
 * A call of a patched SDK is traced there, and its fetch is not a second one. What an SDK retries are calls of their
 * own here: each was sent, and may be billed.
 *
 * A client that took hold of `fetch` before the import, or that uses node:http or an undici of its own, is not seen.
 */
import { onAbandoned } from "../abandoned.ts";
import { countError, guarded } from "../health.ts";
import { startModelCall, type ModelCall } from "../model-call.ts";
import { runtime } from "../runtime.ts";
import { Answer } from "./answer.ts";
import { formatOf, formatsOf, type WireFormat } from "./formats.ts";
import { bodyOf, copyOf, type RequestBody } from "./request-body.ts";
import { callRequest } from "./call-request.ts";
import { named } from "./signal-errors.ts";
import { watchBody } from "./watch-body.ts";

type Fetch = (this: unknown, ...args: unknown[]) => unknown;

/** Sends the request and traces it. */
type TracedSend = (send: () => unknown) => unknown;

const PATCHED = Symbol.for("assay.instrumentation.patched");

/** Idempotent, also between two copies of this package. */
export function traceGlobalFetch(): void {
  const original: unknown = globalThis.fetch;
  if (runtime.settings.wire === "off" || typeof original !== "function") return;
  if (Reflect.has(original, PATCHED)) return;
  globalThis.fetch = traceFetch(original as Fetch) as typeof fetch;
}

export function traceFetch(original: Fetch): Fetch {
  const traced = function fetch(this: unknown, ...args: unknown[]): unknown {
    const traceSend = guarded("reading a request", () => recognise(args[0], args[1]));
    if (!traceSend) return Reflect.apply(original, this, args);
    return traceSend(() => Reflect.apply(original, this, args));
  };
  Object.defineProperty(traced, PATCHED, { value: true });
  Object.defineProperty(traced, "length", { value: original.length });
  return traced;
}

/** undefined: not a model call. Cheap for what is not. */
function recognise(input: unknown, init: unknown): TracedSend | undefined {
  const request = input instanceof Request ? input : undefined;
  const options = init as RequestInit | undefined;
  const method = options?.method ?? request?.method;
  if (method === undefined || (method !== "POST" && method.toUpperCase() !== "POST"))
    return undefined;
  const url = request?.url ?? (input instanceof URL ? input.href : input);
  const formats = typeof url === "string" ? formatsOf(url) : [];
  if (typeof url !== "string" || formats.length === 0) return undefined;
  const given = options?.body;
  if (given === undefined || given === null)
    return request ? traceCopy(request, formats) : undefined;
  const body = bodyOf(given);
  const format = body === undefined ? undefined : formatOf(formats, body);
  if (body === undefined || !format) return undefined;
  return (send) => {
    const call = start(format, url, body);
    return call
      ? observeFetch(
          () => call.run(send),
          () => call,
          options?.signal ?? request?.signal,
        )
      : send();
  };
}

/** The parsed body is asked for only when the call is traced: inside a call of a patched SDK it never is. */
function start(format: WireFormat, url: string, body: RequestBody): ModelCall | undefined {
  return startModelCall(callRequest(format, url, body));
}

/**
 * The body of a Request can only be read later. It is sent at once all the same, and the answer never waits: where it
 * comes before the copy is read, the call is not traced.
 */
function traceCopy(request: Request, formats: readonly WireFormat[]): TracedSend | undefined {
  if (request.bodyUsed || !/json/i.test(request.headers.get("content-type") ?? ""))
    return undefined;
  return (send) => {
    let call: ModelCall | undefined;
    let answered = false;
    const { url } = request;
    void copyOf(request).then((body) => {
      const format = body === undefined ? undefined : formatOf(formats, body);
      if (!answered && body !== undefined && format) call = start(format, url, body);
    });
    const callNow = (): ModelCall | undefined => {
      answered = true;
      return call;
    };
    return observeFetch(send, callNow, request.signal);
  };
}

/** @param callNow asked when there is an answer */
function observeFetch(
  send: () => unknown,
  callNow: () => ModelCall | undefined,
  signal: AbortSignal | null | undefined,
): unknown {
  let sent: unknown;
  try {
    sent = send();
  } catch (error) {
    callNow()?.fail(error);
    throw error;
  }
  if (!(sent instanceof Promise)) {
    callNow()?.finishUnseen();
    return sent;
  }
  return sent.then(
    (response: unknown) => {
      const call = callNow();
      if (call) observeResponse(response, call, signal ?? undefined);
      return response;
    },
    (error: unknown) => {
      callNow()?.fail(named(error));
      throw error;
    },
  );
}

function observeResponse(
  response: unknown,
  call: ModelCall,
  signal: AbortSignal | undefined,
): void {
  try {
    if (!(response instanceof Response)) return call.finishUnseen();
    if (!response.ok) return call.fail(new Refused(response));
    const { body } = response;
    if (!body || body.locked) return call.finishUnseen();
    const answer = new Answer(call, response.headers.get("content-type") ?? "");
    if (signal) answer.endOn(signal);
    watchBody(body, answer);
    onAbandoned(body, answer);
  } catch (error) {
    countError("observing a response", error);
    call.finishUnseen();
  }
}

/** The API answered with an error, which the service has yet to read. */
class Refused extends Error {
  readonly status: number;

  constructor({ status, statusText }: Response) {
    super(`${status} ${statusText}`);
    this.status = status;
  }
}
