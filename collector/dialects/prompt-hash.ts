/**
 * The prompt hash of a span that has its messages but brings no hash: equal requests hash alike, so that the
 * determinism of foreign instrumentations' answers can be measured too. It is made as our own instrumentation makes it, and
 * is the same where a span says all that the request said: every instruction, message, tool and parameter.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { HASHED_PARAMETERS, promptHash } from "@assay/instrumentation/hash";
import { number, parsed, text } from "./value.ts";

/** Undefined when there are no messages. */
export function hashOfPrompt(valueOf: (key: string) => unknown): string | undefined {
  const messages = valueOf(ATTR.inputMessages);
  if (text(messages) === undefined && !Array.isArray(messages)) return undefined;
  const parameters: Record<string, unknown> = {};
  for (const key of HASHED_PARAMETERS) {
    const value = number(valueOf(key));
    if (value !== undefined) parameters[key] = value;
  }
  const system = valueOf(ATTR.systemInstructions);
  const tools = valueOf(ATTR.toolDefinitions);
  return promptHash({
    provider: text(valueOf(ATTR.providerName) ?? valueOf("gen_ai.system")) ?? "",
    model: text(valueOf(ATTR.requestModel)) ?? "",
    messages: parsed(messages),
    parameters,
    ...(system === undefined ? {} : { system: parsed(system) }),
    ...(tools === undefined ? {} : { tools: parsed(tools) }),
  });
}
