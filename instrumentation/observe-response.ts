/**
 * A service that asks for the raw response reads the body itself. Its `json()` and `text()` are watched, so tokens are
 * known in the usual case; any other way of reading ends the call without them. The response object stays the same.
 */
import { onAbandoned } from "./abandoned.ts";
import { countError } from "./health.ts";
import type { ModelCall } from "./model-call.ts";
import { isFields, memberOf } from "./untyped.ts";

const UNSEEN_READS = ["arrayBuffer", "blob", "bytes", "formData", "clone"];

export function observeResponse(response: unknown, call: ModelCall): void {
  if (!isResponse(response)) {
    call.finishUnseen();
    return;
  }
  try {
    const read = { watched: false };
    watchRead(response, "json", call, read, (value) => value);
    watchRead(response, "text", call, read, (value) => parseJson(value));
    for (const name of UNSEEN_READS) endOnRead(response, name, call);
    endOnBody(response, call, read);
    onAbandoned(response, { abandon: () => call.finishUnseen() });
  } catch (error) {
    countError("observing a response", error);
    call.finishUnseen();
  }
}

/** Of fetch(), or of what stands in for it: openai 4 brings node-fetch. */
function isResponse(value: unknown): value is Response {
  return (
    value instanceof Response ||
    (typeof memberOf(value, "json") === "function" && typeof memberOf(value, "text") === "function")
  );
}

function watchRead(
  response: Response,
  name: "json" | "text",
  call: ModelCall,
  read: { watched: boolean },
  toValue: (body: unknown) => unknown,
): void {
  const original = response[name];
  own(response, name, function (this: Response): Promise<unknown> {
    read.watched = true;
    return Reflect.apply(original, this, []).then(
      (body: unknown) => {
        settle(toValue(body), call);
        return body;
      },
      (error: unknown) => {
        call.fail(error);
        throw error;
      },
    );
  });
}

function settle(value: unknown, call: ModelCall): void {
  try {
    if (isFields(value)) call.succeed(call.dialect.reply(value));
    else call.finishUnseen();
  } catch (error) {
    countError("reading an answer", error);
    call.finishUnseen();
  }
}

function parseJson(value: unknown): unknown {
  try {
    return typeof value === "string" ? (JSON.parse(value) as unknown) : undefined;
  } catch {
    // A stream of events, or an error page: read by the service, not by us.
    return undefined;
  }
}

function endOnRead(response: Response, name: string, call: ModelCall): void {
  const original: unknown = Reflect.get(response, name);
  if (typeof original !== "function") return;
  own(response, name, function (this: Response, ...args: unknown[]): unknown {
    call.finishUnseen();
    return Reflect.apply(original, this, args);
  });
}

/** A json() of node-fetch asks for the body too. */
function endOnBody(response: Response, call: ModelCall, read: { watched: boolean }): void {
  const body = getterOf(response, "body");
  if (!body) return;
  Object.defineProperty(response, "body", {
    configurable: true,
    get(this: Response): unknown {
      if (!read.watched) call.finishUnseen();
      return Reflect.apply(body, this, []);
    },
  });
}

function getterOf(value: object, name: string): (() => unknown) | undefined {
  for (let at: object | null = value; at; at = Object.getPrototypeOf(at) as object | null) {
    const property = Object.getOwnPropertyDescriptor(at, name);
    // oxlint-disable-next-line typescript/unbound-method -- applied to the response by the caller
    if (property) return property.get;
  }
  return undefined;
}

/** Not enumerable, like the method that it stands before. */
function own(response: Response, name: string, value: unknown): void {
  Object.defineProperty(response, name, {
    value,
    configurable: true,
    writable: true,
  });
}
