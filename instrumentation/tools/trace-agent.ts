/** Tracing an agent that the service runs: one `invoke_agent` span per call, with everything that it does as its children. */
import { SpanKind, type Attributes } from "@opentelemetry/api";
import type { ContentWriter } from "../content-writer.ts";
import { ATTR } from "../conventions.ts";
import { memberOf, text } from "../untyped.ts";
import { traceCall, writtenValue, type CallDescription } from "./traced-call.ts";

export interface AgentOptions<Args extends unknown[], Result> {
  /** Of the agent as it is deployed, where it has one. */
  id?: string;
  description?: string;
  version?: string;
  /** What it was asked. @default the first argument */
  input?: (...args: Args) => unknown;
  /** What it answered. @default the result, or its `text`, `output`, `content` or `answer` where that is text */
  output?: (result: Awaited<Result>) => unknown;
}

/**
 * A function that does what `fn` does, with the same `this`, arguments, result and errors, and is traced: model calls,
 * retrievals and tools of one run are one tree. An async generator stays one; its run ends with it.
 * @example const support = traceAgent("support", async (question: string) => answer(question))
 */
export function traceAgent<Args extends unknown[], Result>(
  name: string,
  fn: (...args: Args) => Result,
  options: AgentOptions<Args, Result> = {},
): (...args: Args) => Result {
  return function (this: unknown, ...args: Args): Result {
    return traceCall(
      () => describeAgent(name, args, options),
      () => Reflect.apply(fn, this, args) as Result,
    );
  };
}

function describeAgent<Args extends unknown[], Result>(
  name: string,
  args: Args,
  options: AgentOptions<Args, Result>,
): CallDescription {
  const attributes: Attributes = { [ATTR.agentName]: name };
  if (options.id) attributes[ATTR.agentId] = options.id;
  if (options.description) attributes[ATTR.agentDescription] = options.description;
  if (options.version) attributes[ATTR.agentVersion] = options.version;
  return {
    spanName: `invoke_agent ${name}`,
    kind: SpanKind.INTERNAL,
    operation: "invoke_agent",
    subject: name,
    attributes,
    write(written, writer, result) {
      const asked = options.input ? options.input(...args) : args[0];
      const answered = options.output?.(result as Awaited<Result>) ?? answerIn(result);
      putMessage(written, ATTR.inputMessages, "user", asked, writer);
      putMessage(written, ATTR.outputMessages, "assistant", answered, writer);
    },
  };
}

function answerIn(result: unknown): unknown {
  for (const name of ["text", "output", "content", "answer"]) {
    const found = text(memberOf(result, name));
    if (found !== undefined) return found;
  }
  return result;
}

function putMessage(
  attributes: Attributes,
  name: string,
  role: string,
  value: unknown,
  writer: ContentWriter,
): void {
  const content = writtenValue(value, writer);
  if (content === undefined) return;
  attributes[name] = JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
}
