/** What the spans of AWS's client of Bedrock are to say; the situations are in bedrock.mjs. */
import { startBedrock } from "./bedrock-server.ts";
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
  usage,
} from "./expectations.ts";

const QUESTION = JSON.stringify([message("user", text("Count to four."))]);
const CALL = { type: "tool_call", id: "tool_1", name: "weather", arguments: { city: "Oslo" } };
const TOOL_CALLS: Expected = {
  "gen_ai.response.finish_reasons": ["tool_use"],
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
  ...usage(1_305, 40),
  "gen_ai.usage.cache_read.input_tokens": 1_000,
  "gen_ai.usage.cache_write.input_tokens": 300,
};
/** Whose id is in the headers, which a stream does not have. */
const EVENTS: Expected = { ...STREAMED, "gen_ai.response.id": undefined };

/** Asked in one piece, and streamed. */
function invoked(reason: string, more: Expected = {}): Expected[] {
  const both: Expected = {
    "gen_ai.request.max_tokens": 100,
    "gen_ai.response.finish_reasons": [reason],
    "gen_ai.input.messages": QUESTION,
    ...output("stop", COUNTED),
    ...more,
  };
  return [both, { ...EVENTS, ...both }];
}

const COMPLETION: Expected = { "gen_ai.operation.name": "text_completion" };
const UNKNOWN: Expected = {
  ...COMPLETION,
  "gen_ai.response.id": PRESENT,
  "gen_ai.response.finish_reasons": undefined,
  "gen_ai.input.messages": undefined,
};

export const bedrock: Provider = {
  name: "Amazon Bedrock",
  package: "@aws-sdk/client-bedrock-runtime",
  api: "bedrock",
  recorded: ["plain", "streamed", "cached and reasoning tokens"],
  installedAs: { "@smithy/node-http-handler": "@smithy/node-http-handler" },
  script: new URL("bedrock.mjs", import.meta.url),
  startServer: startBedrock,
  every: {
    ...ANSWERED,
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "aws.bedrock",
    "gen_ai.response.finish_reasons": ["end_turn"],
  },
  calls: {
    plain: [
      {
        "gen_ai.request.model": "plain",
        "gen_ai.response.id": "id_plain",
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.stop_sequences": ["five"],
        "gen_ai.request.stream": undefined,
        "gen_ai.system_instructions": JSON.stringify([text("Be brief.")]),
        "gen_ai.input.messages": QUESTION,
        ...output("stop", COUNTED),
      },
    ],
    streamed: [{ ...EVENTS, ...output("stop", COUNTED) }],
    "streamed and abandoned": [{ ...CUT, ...output("error", text("One two")) }],
    "broken off mid-stream": [{ ...CUT, "error.type": PRESENT }],
    "never consumed": [UNREAD],
    "aborted by signal": [failed("AbortError")],
    "timed out": [failed("TimeoutError")],
    "error status": [failed("ValidationException")],
    "error event": [{ ...CUT, "error.type": PRESENT }],
    "tool calls": [TOOL_CALLS],
    "tool calls, streamed": [{ ...EVENTS, ...TOOL_CALLS }],
    thinking: [{ ...EVENTS, ...output("stop", { type: "reasoning", content: "Hm." }) }],
    "an inference profile": [{ "gen_ai.request.model": "eu.acme.model" }],
    "concurrent calls": CONCURRENT,
    "cached and reasoning tokens": [CACHED, { ...CACHED, ...EVENTS }],
    "usage missing from the stream": [
      {
        ...EVENTS,
        "gen_ai.usage.input_tokens": PRESENT,
        "gen_ai.usage.output_tokens": PRESENT,
        "assay.usage.estimated": true,
      },
    ],
    "invoke, Anthropic": invoked("end_turn", { "gen_ai.response.id": "msg_1" }),
    "invoke, Titan": invoked("FINISH", COMPLETION),
    "invoke, Titan embeddings": [
      {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.embeddings.dimension.count": 3,
        "gen_ai.response.finish_reasons": undefined,
        "gen_ai.usage.output_tokens": undefined,
      },
    ],
    "invoke, Llama": invoked("stop", COMPLETION),
    "invoke, Nova": invoked("end_turn"),
    "invoke, a model nobody knows": [
      {
        ...UNKNOWN,
        "gen_ai.usage.input_tokens": undefined,
        "gen_ai.usage.output_tokens": undefined,
      },
      { ...UNKNOWN, "gen_ai.request.stream": true, "gen_ai.response.id": undefined },
    ],
  },
};
