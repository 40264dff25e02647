/** OpenLIT: the conventions with names of its own beside them. */
import { ATTR } from "@assay/instrumentation/conventions";
import type { Dialect } from "./dialect.ts";

export const openlit: Dialect = {
  name: "OpenLIT",
  keys: [
    "gen_ai.sdk.version",
    "gen_ai.request.is_stream",
    "gen_ai.server.time_to_first_token",
    "gen_ai.agent.session_id",
    "gen_ai.tool.args",
    "gen_ai.user.id",
    "gen_ai.retrieval.query",
  ],
  prefixes: [
    "openlit.",
    "gen_ai.usage.prompt_tokens_details.",
    "gen_ai.usage.completion_tokens_details.",
  ],
  attributes: {
    [ATTR.costAmount]: ["gen_ai.usage.cost"],
    [ATTR.cacheReadTokens]: ["gen_ai.usage.prompt_tokens_details.cache_read"],
    [ATTR.cacheWriteTokens]: ["gen_ai.usage.prompt_tokens_details.cache_write"],
    [ATTR.reasoningTokens]: [
      "gen_ai.usage.completion_tokens_details.reasoning",
      "gen_ai.usage.reasoning_tokens",
    ],
    [ATTR.audioOutputTokens]: ["gen_ai.usage.completion_tokens_details.audio"],
    [ATTR.requestStream]: ["gen_ai.request.is_stream"],
    [ATTR.responseTimeToFirstChunk]: ["gen_ai.server.time_to_first_token"],
    [ATTR.conversationId]: ["gen_ai.agent.session_id"],
    [ATTR.userId]: ["gen_ai.user.id", "gen_ai.request.user"],
    [ATTR.toolCallArguments]: ["gen_ai.tool.args", "gen_ai.tool.input"],
    [ATTR.toolCallResult]: ["gen_ai.tool.output"],
    [ATTR.dataSourceId]: ["db.collection.name"],
    [ATTR.retrievalTopK]: ["db.vector.query.top_k", "db.n_results"],
    [ATTR.retrievalQuery]: ["gen_ai.retrieval.query", "db.query.text"],
    [ATTR.openaiSystemFingerprint]: ["gen_ai.response.system_fingerprint"],
  },
  input: ["gen_ai.tool.args", "gen_ai.tool.input", "gen_ai.retrieval.query"],
  output: ["gen_ai.tool.output"],
};
