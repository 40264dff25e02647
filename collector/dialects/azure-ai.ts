/** Azure AI and Semantic Kernel. Their messages are events, which the encoder reads; finish reasons are singular. */
import { ATTR } from "@assay/instrumentation/conventions";
import type { Dialect } from "./dialect.ts";

export const azureAi: Dialect = {
  name: "Azure AI, Semantic Kernel",
  keys: ["gen_ai.response.finish_reason", "az.namespace"],
  prefixes: ["semantic_kernel."],
  attributes: {
    [ATTR.responseFinishReasons]: ["gen_ai.response.finish_reason"],
    [ATTR.conversationId]: ["gen_ai.thread.id"],
  },
  input: [],
  output: [],
};
