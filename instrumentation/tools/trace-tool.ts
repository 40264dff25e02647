/** Tracing a tool that the service runs for a model: one `execute_tool` span per call. */
import { SpanKind, type Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { isFields, memberOf, text } from "../untyped.ts";
import { toolContent } from "./tool-content.ts";
import { traceCall, type CallDescription } from "./traced-call.ts";

export interface ToolOptions<Args extends unknown[]> {
  description?: string;
  /** `extension`: calls something outside of the service; `datastore`: reads data. @default "function" */
  type?: "function" | "extension" | "datastore";
  /** The id that the model gave the call. @default `toolCallId` of the second argument, where it has one */
  callId?: (...args: Args) => string | undefined;
}

/**
 * A function that does what `fn` does, with the same `this`, arguments, result and errors, and is traced. What it
 * starts (retrievals, model calls) becomes part of it.
 * @example const weather = traceTool("weather", async ({ city }: { city: string }) => lookUp(city))
 */
export function traceTool<Args extends unknown[], Result>(
  name: string,
  fn: (...args: Args) => Result,
  options: ToolOptions<Args> = {},
): (...args: Args) => Result {
  return function (this: unknown, ...args: Args): Result {
    return traceCall(
      () => describeTool(name, args, options),
      () => Reflect.apply(fn, this, args) as Result,
    );
  };
}

function describeTool<Args extends unknown[]>(
  name: string,
  args: Args,
  options: ToolOptions<Args>,
): CallDescription {
  const attributes: Attributes = {
    [ATTR.toolName]: name,
    [ATTR.toolType]: options.type ?? "function",
  };
  if (options.description) attributes[ATTR.toolDescription] = options.description;
  const callId = options.callId ? options.callId(...args) : text(memberOf(args[1], "toolCallId"));
  if (callId !== undefined) attributes[ATTR.toolCallId] = callId;
  return {
    spanName: `execute_tool ${name}`,
    kind: SpanKind.INTERNAL,
    operation: "execute_tool",
    subject: name,
    attributes,
    write: toolContent(argumentsOf(args)),
  };
}

/** A model gives one object; what comes after it (options, a context) is the framework's. */
function argumentsOf(args: readonly unknown[]): unknown {
  return args.length === 1 || isFields(args[0]) ? args[0] : args;
}
