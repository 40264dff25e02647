/** What the spans of Google's Gen AI SDK are to say; the situations are in google.mjs. */
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
  UNREAD,
} from "./expectations.ts";
import { startGoogle } from "./google-server.ts";

const CALL = { type: "tool_call", id: null, name: "weather", arguments: { city: "Oslo" } };
const QUESTION = message("user", text("Count to four."));
const TOOL_CALLS: Expected = {
  "gen_ai.tool.definitions": JSON.stringify([
    {
      type: "function",
      name: "weather",
      description: "The weather in a city.",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  ]),
  ...output("tool_call", CALL),
};
const CACHED: Expected = {
  "gen_ai.usage.cache_read.input_tokens": 8,
  "gen_ai.usage.reasoning.output_tokens": 4,
};
const FUNCTIONS: Expected = { "gen_ai.request.model": "functions" };

export const google: Provider = {
  name: "Google Gen AI",
  package: "@google/genai",
  script: new URL("google.mjs", import.meta.url),
  startServer: startGoogle,
  every: {
    ...ANSWERED,
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.response.id": PRESENT,
    "gen_ai.response.finish_reasons": ["STOP"],
  },
  calls: {
    plain: [
      {
        "gen_ai.request.model": "plain",
        "gen_ai.response.id": "id_plain",
        "gen_ai.response.model": "plain",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 4,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ["five"],
        "gen_ai.request.stream": undefined,
        "gen_ai.system_instructions": JSON.stringify([text("Be brief.")]),
        "gen_ai.input.messages": JSON.stringify([QUESTION]),
        ...output("stop", COUNTED),
      },
    ],
    streamed: [{ ...STREAMED, ...output("stop", COUNTED) }],
    "streamed and abandoned": [{ ...CUT, ...output("error", text("One two")) }],
    "broken off mid-stream": [{ ...CUT, "error.type": PRESENT }],
    "never consumed": [UNREAD],
    "aborted by signal": [failed(PRESENT)],
    "timed out": [failed(PRESENT)],
    "error status": [failed("400")],
    "error event": [{ ...CUT, "error.type": PRESENT }],
    "tool calls": [TOOL_CALLS],
    "tool calls, streamed": [{ ...STREAMED, ...TOOL_CALLS }],
    thinking: [
      {
        ...STREAMED,
        ...output("stop", { type: "reasoning", content: "Let me count." }, COUNTED),
      },
    ],
    blocked: [
      { "gen_ai.response.finish_reasons": ["SAFETY"], "gen_ai.output.messages": undefined },
    ],
    "concurrent calls": CONCURRENT,
    "cached and reasoning tokens": [CACHED, { ...CACHED, ...STREAMED }],
    "usage missing from the stream": [
      {
        ...STREAMED,
        "gen_ai.usage.input_tokens": PRESENT,
        "gen_ai.usage.output_tokens": PRESENT,
        "assay.usage.estimated": true,
      },
    ],
    chats: [
      { "gen_ai.request.model": "chat" },
      {
        ...STREAMED,
        "gen_ai.input.messages": JSON.stringify([
          QUESTION,
          message("assistant", COUNTED),
          message("user", text("Again.")),
        ]),
      },
    ],
    "functions called by the SDK": [
      { ...FUNCTIONS, ...output("tool_call", CALL) },
      { ...FUNCTIONS, ...output("stop", COUNTED) },
    ],
    embeddings: [
      {
        "gen_ai.response.id": undefined,
        "gen_ai.operation.name": "embeddings",
        "gen_ai.embeddings.dimension.count": 3,
        "gen_ai.response.finish_reasons": undefined,
        "gen_ai.usage.output_tokens": undefined,
      },
    ],
    "the Gemini API by its host": [{ "server.address": "generativelanguage.googleapis.com" }],
    "Vertex by its host": [
      { "gen_ai.provider.name": "gcp.vertex_ai", "server.address": "aiplatform.googleapis.com" },
    ],
  },
};
