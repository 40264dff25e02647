/** What the spans of Anthropic's SDK are to say; the situations are in anthropic.mjs. */
import { startAnthropic } from "./anthropic-server.ts";
import { PRESENT, type Expected, type Provider } from "./contract.ts";
import {
  ANSWERED,
  CONCURRENT,
  COUNTED,
  CUT as SHARED_CUT,
  failed,
  message,
  output,
  STREAMED,
  text,
  UNREAD,
  usage,
} from "./expectations.ts";

/** What was sent is known to the character here. */
const CUT: Expected = { ...SHARED_CUT, "gen_ai.usage.input_tokens": 5 };
const TOOL_CALL = {
  type: "tool_call",
  id: "toolu_1",
  name: "weather",
  arguments: { city: "Oslo" },
};
const CACHED: Expected = {
  ...usage(1_305, 40),
  "gen_ai.usage.cache_read.input_tokens": 1_000,
  "gen_ai.usage.cache_write.input_tokens": 300,
  "gen_ai.usage.cache_creation.input_tokens": 300,
  "gen_ai.usage.reasoning.output_tokens": 25,
};

export const anthropic: Provider = {
  name: "Anthropic",
  package: "@anthropic-ai/sdk",
  api: "anthropic",
  recorded: ["plain", "streamed"],
  script: new URL("anthropic.mjs", import.meta.url),
  startServer: startAnthropic,
  every: {
    ...ANSWERED,
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.max_tokens": PRESENT,
    "gen_ai.response.id": PRESENT,
    "gen_ai.response.finish_reasons": ["end_turn"],
  },
  calls: {
    plain: [
      {
        "gen_ai.request.model": "plain",
        "gen_ai.response.id": "msg_plain",
        "gen_ai.response.model": "plain",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.top_k": 4,
        "gen_ai.request.stop_sequences": ["five"],
        "gen_ai.request.stream": undefined,
        "gen_ai.system_instructions": JSON.stringify([text("Be brief.")]),
        "gen_ai.input.messages": JSON.stringify([message("user", text("Count to four."))]),
        ...output("stop", COUNTED),
      },
    ],
    streamed: [{ ...STREAMED, ...output("stop", COUNTED) }],
    "streamed and abandoned": [{ ...CUT, ...output("error", text("One two")) }],
    "broken off mid-stream": [{ ...CUT, "error.type": "TypeError" }],
    "never consumed": [{ ...UNREAD, "gen_ai.usage.input_tokens": 5 }],
    "aborted by signal": [failed("APIUserAbortError")],
    "aborted by signal, streamed": [CUT],
    "timed out": [failed("APIConnectionTimeoutError")],
    "error status": [failed("400")],
    "error event": [{ ...CUT, "error.type": "APIError" }],
    "tool calls": [
      {
        "gen_ai.response.finish_reasons": ["tool_use"],
        "gen_ai.tool.definitions": JSON.stringify([
          {
            type: "function",
            name: "weather",
            description: "The weather in a city.",
            parameters: { type: "object", properties: { city: { type: "string" } } },
          },
        ]),
        "gen_ai.input.messages": JSON.stringify([
          message("user", text("Count to four.")),
          message("assistant", { ...TOOL_CALL, id: "toolu_0", arguments: { city: "Rome" } }),
          message("user", { type: "tool_call_response", id: "toolu_0", response: "sunny" }),
        ]),
        ...output("tool_call", COUNTED, TOOL_CALL),
      },
    ],
    "tool calls, streamed": [
      {
        ...STREAMED,
        "gen_ai.response.finish_reasons": ["tool_use"],
        ...output("tool_call", COUNTED, TOOL_CALL),
      },
    ],
    thinking: [
      {
        ...STREAMED,
        ...output("stop", { type: "reasoning", content: "Let me count." }, COUNTED),
      },
    ],
    parse: [{ "gen_ai.output.type": "json", ...output("stop", text('{"answer":42}')) }],
    "with response, streamed": [STREAMED],
    "helper stream": [{ ...STREAMED, ...output("stop", COUNTED) }],
    "beta, helper": [STREAMED],
    "counting tokens": [],
    "concurrent calls": CONCURRENT,
    "cached and reasoning tokens": [CACHED, { ...CACHED, ...STREAMED }],
    "usage missing from the stream": [
      {
        ...STREAMED,
        ...usage(5, 6),
        "assay.usage.estimated": true,
      },
    ],
  },
};
