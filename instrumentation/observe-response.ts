/**
 * A service that asks for the raw response reads the body itself. Its `json()` and `text()` are watched, so tokens are
 * known in the usual case; any other way of reading ends the call without them. The response object stays the same.
 */
import { onAbandoned } from "./abandoned.ts";
import { countError } from "./health.ts";
import type { ModelCall } from "./model-call.ts";
import { isFields } from "./untyped.ts";

const UNSEEN_READS = ["arrayBuffer", "blob", "bytes", "formData", "clone"];

export function observeResponse(response: unknown, call: ModelCall): void {
  if (!(response instanceof Response)) {
    call.finishUnseen();
    return;
  }
  try {
    watchRead(response, "json", call, (value) => value);
    watchRead(response, "text", call, (value) => parseJson(value));
    for (const name of UNSEEN_READS) endOnRead(response, name, call);
    endOnBody(response, call);
    onAbandoned(response, { abandon: () => call.finishUnseen() });
  } catch (error) {
    countError("observing a response", error);
    call.finishUnseen();
  }
}

function watchRead(
  response: Response,
  name: "json" | "text",
  call: ModelCall,
  toValue: (body: unknown) => unknown,
): void {
  const original = response[name];
  own(response, name, function (this: Response): Promise<unknown> {
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

function endOnBody(response: Response, call: ModelCall): void {
  // oxlint-disable-next-line typescript/unbound-method -- applied to the response below
  const body = Object.getOwnPropertyDescriptor(Response.prototype, "body")?.get;
  if (!body) return;
  Object.defineProperty(response, "body", {
    configurable: true,
    get(this: Response): unknown {
      call.finishUnseen();
      return Reflect.apply(body, this, []);
    },
  });
}

/** Not enumerable, like the method that it stands before. */
function own(response: Response, name: string, value: unknown): void {
  Object.defineProperty(response, name, {
    value,
    configurable: true,
    writable: true,
  });
}
