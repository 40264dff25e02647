/** Pydantic AI and Logfire, all versions of their instrumentation: older agent runs say no operation but have tokens. */
import { ATTR } from "@assay/instrumentation/conventions";
import { AGENT, CHAT, type Dialect, json, TOOL } from "./dialect.ts";
import type { ForeignSpan } from "./foreign-span.ts";
import { fields, list, parsed } from "./value.ts";

function kindOf(span: ForeignSpan): string | undefined {
  const isRun =
    span.get("pydantic_ai.all_messages") !== undefined ||
    span.get("all_messages_events") !== undefined ||
    span.get("final_result") !== undefined;
  if (isRun) return "run";
  if (span.get("tool_arguments") !== undefined || span.get("tool_response") !== undefined)
    return "tool";
  return span.get("model_request_parameters") === undefined ? undefined : "request";
}

/** Messages as events, in one attribute: the answer is what `gen_ai.choice` says. */
function events(wanted: "prompt" | "answer"): (span: ForeignSpan) => unknown {
  return (span) => {
    const all = list(parsed(span.get("events") ?? span.get("all_messages_events")));
    const found = all.filter(
      (event) => (fields(event)?.["event.name"] === "gen_ai.choice") === (wanted === "answer"),
    );
    return found.length > 0 ? found : undefined;
  };
}

const detail = (name: string): string => `gen_ai.usage.details.${name}`;

export const pydanticAi: Dialect = {
  name: "Pydantic AI, Logfire",
  keys: [
    "all_messages_events",
    "final_result",
    "model_request_parameters",
    "operation.cost",
    "tool_arguments",
    "tool_response",
  ],
  prefixes: ["pydantic_ai.", "gen_ai.aggregated_usage.", "gen_ai.usage.details."],
  kind: { source: kindOf, operations: { run: AGENT, tool: TOOL, request: CHAT } },
  attributes: {
    [ATTR.requestModel]: ["model_name"],
    [ATTR.agentName]: ["agent_name"],
    [ATTR.costAmount]: ["operation.cost"],
    [ATTR.cacheReadTokens]: [
      detail("cache_read_tokens"),
      detail("cache_read_input_tokens"),
      detail("cached_tokens"),
    ],
    [ATTR.cacheWriteTokens]: [detail("cache_write_tokens"), detail("cache_creation_input_tokens")],
    [ATTR.reasoningTokens]: [detail("reasoning_tokens")],
    [ATTR.audioInputTokens]: [detail("input_audio_tokens")],
    [ATTR.audioOutputTokens]: [detail("output_audio_tokens")],
    [ATTR.inputMessages]: [
      "pydantic_ai.all_messages",
      events("prompt"),
      json("request_data", "messages"),
      "prompt",
    ],
    [ATTR.outputMessages]: [events("answer"), "final_result", json("response_data", "message")],
    [ATTR.toolDefinitions]: [json("model_request_parameters", "function_tools")],
    [ATTR.toolCallArguments]: ["tool_arguments"],
    [ATTR.toolCallResult]: ["tool_response"],
  },
  input: [
    "pydantic_ai.all_messages",
    "all_messages_events",
    "events",
    "request_data",
    "tool_arguments",
  ],
  output: ["final_result", "response_data", "tool_response"],
};
