/** Names that the GenAI conventions had before, and near misses of them that libraries without a dialect write. */
import { ATTR } from "@assay/instrumentation/conventions";
import type { Dialect } from "./dialect.ts";

const USAGE = {
  [ATTR.inputTokens]: ["gen_ai.usage.prompt_tokens"],
  [ATTR.outputTokens]: ["gen_ai.usage.completion_tokens"],
  [ATTR.cacheReadTokens]: [
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.input_tokens.cached",
  ],
  [ATTR.cacheWriteTokens]: [
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.input_tokens.cache_write",
  ],
  [ATTR.reasoningTokens]: ["gen_ai.usage.reasoning_tokens", "gen_ai.usage.output_tokens.reasoning"],
};

const CONTENT = {
  [ATTR.inputMessages]: ["gen_ai.request.messages"],
  [ATTR.outputMessages]: ["gen_ai.response.text"],
  [ATTR.toolDefinitions]: ["gen_ai.request.available_tools"],
};

const OTHERS = {
  [ATTR.requestSeed]: ["gen_ai.openai.request.seed"],
  [ATTR.openaiRequestServiceTier]: ["gen_ai.openai.request.service_tier"],
  [ATTR.openaiResponseServiceTier]: ["gen_ai.openai.response.service_tier"],
  [ATTR.openaiSystemFingerprint]: ["gen_ai.openai.response.system_fingerprint"],
  [ATTR.requestStream]: ["gen_ai.is_streaming"],
  [ATTR.userId]: ["gen_ai.user"],
};

export const olderGenAi: Dialect = {
  name: "OpenTelemetry GenAI, older names",
  keys: [USAGE, CONTENT, OTHERS].flatMap((table) => Object.values(table).flat()),
  prefixes: [],
  attributes: { ...USAGE, ...CONTENT, ...OTHERS },
  input: ["gen_ai.request.messages", "gen_ai.request.available_tools"],
  output: ["gen_ai.response.text", "gen_ai.response.tool_calls"],
};
