/** What the spans of Vercel's AI SDK are to say, in its current majors; the situations are in ai-sdk.mjs. */
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

const CALL = { type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Oslo" } };
const TOOL_CALLS: Expected = {
  "gen_ai.response.finish_reasons": ["tool_calls"],
  "gen_ai.tool.definitions": PRESENT,
  ...output("tool_call", CALL),
};
const ELSEWHERE: Expected = {
  "gen_ai.provider.name": "acme",
  "gen_ai.usage.cache_read.input_tokens": 8,
  "gen_ai.usage.reasoning.output_tokens": 4,
  "gen_ai.input.messages": JSON.stringify([message("user", text("Count to four."))]),
  "server.address": undefined,
  "server.port": undefined,
  ...output("stop", COUNTED),
};

function aiSdk(major: number, ai: string, provider: string): Provider {
  return {
    name: `Vercel AI SDK, major ${major}`,
    package: "ai",
    installedAs: { ai, "@ai-sdk/openai": provider },
    script: new URL("ai-sdk.mjs", import.meta.url),
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
          "gen_ai.request.seed": 7,
          "gen_ai.input.messages": JSON.stringify([message("user", text("Count to four."))]),
          ...output("stop", COUNTED),
        },
      ],
      streamed: [{ ...STREAMED, ...output("stop", COUNTED) }],
      "streamed and abandoned": [{ ...CUT, "error.type": "AbortError" }],
      "broken off mid-stream": [{ ...CUT, "error.type": PRESENT }],
      // The SDK reads it, for those who may still come.
      "never consumed": [STREAMED],
      "aborted by signal": [failed(PRESENT)],
      "timed out": [failed(PRESENT)],
      // Each request that is sent is a call here: it may be billed.
      "retried by the SDK": [failed("503"), {}],
      "error status": [failed("400")],
      "tool calls": [TOOL_CALLS],
      "tool calls, streamed": [{ ...STREAMED, ...TOOL_CALLS }],
      parse: [{ ...output("stop", text('{"answer":42}')) }],
      "concurrent calls": CONCURRENT,
      "cached and reasoning tokens": [
        {
          "gen_ai.usage.cache_read.input_tokens": 8,
          "gen_ai.usage.reasoning.output_tokens": 4,
        },
      ],
      "usage missing from the stream": [
        {
          ...STREAMED,
          "gen_ai.usage.input_tokens": PRESENT,
          "gen_ai.usage.output_tokens": PRESENT,
          "assay.usage.estimated": true,
        },
      ],
      embeddings: [
        {
          "gen_ai.operation.name": "embeddings",
          "gen_ai.embeddings.dimension.count": 3,
          "gen_ai.response.id": undefined,
          "gen_ai.response.finish_reasons": undefined,
          "gen_ai.usage.output_tokens": undefined,
        },
      ],
      "tools run by the SDK": [TOOL_CALLS, TOOL_CALLS],
      "another transport": [ELSEWHERE, { ...ELSEWHERE, "gen_ai.response.id": PRESENT }],
    },
    around:
      major < 7
        ? {}
        : {
            "tool calls": ["invoke_agent"],
            "tool calls, streamed": ["invoke_agent"],
            "tools run by the SDK": [
              "execute_tool weather",
              "execute_tool weather",
              "invoke_agent",
            ],
          },
  };
}

export const AI_SDK: readonly Provider[] = [
  aiSdk(5, "ai5", "ai-sdk-openai2"),
  aiSdk(6, "ai6", "ai-sdk-openai3"),
  aiSdk(7, "ai", "@ai-sdk/openai"),
];
