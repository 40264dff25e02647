/** What the spans of LlamaIndex.TS are to say: OpenAI's SDK beneath it is traced, and counted once. */
import { PRESENT, type Expected, type Provider } from "./contract.ts";
import {
  ANSWERED,
  CONCURRENT,
  COUNTED,
  CUT,
  failed,
  message,
  output,
  STREAMED,
  text,
} from "./expectations.ts";
import { startOpenAi } from "./openai-server.ts";

const TOOL_CALLS: Expected = {
  "gen_ai.response.finish_reasons": ["tool_calls"],
  "gen_ai.tool.definitions": PRESENT,
  ...output("tool_call", {
    type: "tool_call",
    id: "call_1",
    name: "weather",
    arguments: { city: "Oslo" },
  }),
};

export const llamaindex: Provider = {
  name: "LlamaIndex.TS",
  package: "@llamaindex/core",
  installedAs: {
    "@llamaindex/openai": "@llamaindex/openai",
    "@llamaindex/env": "@llamaindex/env",
  },
  script: new URL("llamaindex.mjs", import.meta.url),
  startServer: startOpenAi,
  every: {
    ...ANSWERED,
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.response.id": PRESENT,
    "gen_ai.response.finish_reasons": ["stop"],
  },
  calls: {
    plain: [
      {
        "gen_ai.request.model": "plain",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.input.messages": JSON.stringify([message("user", text("Count to four."))]),
        ...output("stop", COUNTED),
      },
    ],
    streamed: [{ ...STREAMED, ...output("stop", COUNTED) }],
    // Its iterator does not pass on that the service left: the stream goes with the garbage.
    "streamed and abandoned": [{ ...CUT, "assay.stream.abandoned": true }],
    "broken off mid-stream": [{ ...CUT, "error.type": PRESENT }],
    // It asks when the first piece is asked for.
    "never consumed": [],
    "timed out": [failed("APIConnectionTimeoutError")],
    "error status": [failed("400")],
    "tool calls": [TOOL_CALLS],
    "tool calls, streamed": [{ ...STREAMED, ...TOOL_CALLS }],
    "concurrent calls": CONCURRENT,
    "cached and reasoning tokens": [
      { "gen_ai.usage.cache_read.input_tokens": 8, "gen_ai.usage.reasoning.output_tokens": 4 },
    ],
    "usage missing from the stream": [
      {
        ...STREAMED,
        "gen_ai.usage.input_tokens": PRESENT,
        "gen_ai.usage.output_tokens": PRESENT,
        "assay.usage.estimated": true,
      },
    ],
    // The retriever itself is not: see docs/retrievers-and-tools.md.
    "a retriever": [
      {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.request.model": "vectors",
        "gen_ai.response.id": undefined,
        "gen_ai.response.finish_reasons": undefined,
        "gen_ai.usage.output_tokens": undefined,
      },
    ],
  },
};
