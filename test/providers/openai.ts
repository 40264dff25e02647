/** What the spans of OpenAI's SDK are to say, in each of its majors; the situations are in openai.mjs. */
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
import { startOpenAi } from "./openai-server.ts";

const CALL = { type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Oslo" } };
const TOOL_CALLS: Expected = {
  "gen_ai.response.finish_reasons": ["tool_calls"],
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
const RESPONSE: Expected = { "openai.api.type": "responses", ...output("stop", COUNTED) };
const CACHED: Expected = {
  "gen_ai.usage.cache_read.input_tokens": 8,
  "gen_ai.usage.reasoning.output_tokens": 4,
};
const JSON_ANSWER: Expected = {
  "gen_ai.output.type": "json",
  ...output("stop", text('{"answer":42}')),
};
const SILENT: Expected = {
  "gen_ai.response.id": undefined,
  "gen_ai.response.finish_reasons": undefined,
};
const picture = (prompt: string): Expected => ({
  ...SILENT,
  ...usage(12, 272),
  "gen_ai.operation.name": "image_generation",
  "gen_ai.output.type": "image",
  "gen_ai.response.finish_reasons": ["stop"],
  "gen_ai.input.messages": JSON.stringify([message("user", text(prompt))]),
  "gen_ai.output.messages": PRESENT,
});
const transcript: Expected = {
  ...SILENT,
  "gen_ai.operation.name": "transcription",
  "gen_ai.input.messages": undefined,
  "gen_ai.output.type": "text",
  "gen_ai.response.finish_reasons": ["stop"],
  ...output("stop", COUNTED),
};

function openai(major: number, installedAs: string): Provider {
  return {
    name: `OpenAI, major ${major}`,
    package: "openai",
    installedAs: { openai: installedAs },
    // The recordings are replayed to the newest.
    ...(major === 7
      ? {
          api: "openai",
          recorded: ["plain", "streamed", "tool calls", "cached and reasoning tokens"],
        }
      : {}),
    script: new URL("openai.mjs", import.meta.url),
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
          "gen_ai.response.id": "id_plain",
          "gen_ai.response.model": "plain",
          "gen_ai.request.max_tokens": 100,
          "gen_ai.request.temperature": 0.5,
          "gen_ai.request.top_p": 0.9,
          "gen_ai.request.seed": 7,
          "gen_ai.request.stop_sequences": ["five"],
          "gen_ai.request.stream": undefined,
          "openai.api.type": "chat_completions",
          "gen_ai.input.messages": JSON.stringify([message("user", text("Count to four."))]),
          ...output("stop", COUNTED),
        },
      ],
      streamed: [{ ...STREAMED, ...output("stop", COUNTED) }],
      "streamed and abandoned": [{ ...CUT, ...output("error", text("One two")) }],
      "broken off mid-stream": [{ ...CUT, "error.type": PRESENT }],
      "never consumed": [UNREAD],
      "aborted by signal": [failed("APIUserAbortError")],
      "aborted by signal, streamed": [CUT],
      "timed out": [failed("APIConnectionTimeoutError")],
      "error status": [failed("400")],
      "tool calls": [TOOL_CALLS],
      "tool calls, streamed": [{ ...STREAMED, ...TOOL_CALLS }],
      parse: [JSON_ANSWER],
      "with response, streamed": [STREAMED],
      "helper stream": [{ ...STREAMED, ...output("stop", COUNTED) }],
      responses: [
        {
          ...RESPONSE,
          "gen_ai.request.max_tokens": 100,
          "gen_ai.system_instructions": JSON.stringify([text("Be brief.")]),
        },
      ],
      "responses, streamed": [{ ...RESPONSE, ...STREAMED }],
      "responses, parse": [{ ...RESPONSE, ...JSON_ANSWER }],
      "responses, helper": [{ ...RESPONSE, ...STREAMED }],
      completions: [{ "gen_ai.operation.name": "text_completion", ...output("stop", COUNTED) }],
      embeddings: [
        {
          ...SILENT,
          "gen_ai.operation.name": "embeddings",
          "gen_ai.embeddings.dimension.count": 3,
          "gen_ai.usage.output_tokens": undefined,
        },
      ],
      images: [picture("A cat."), picture("A dog.")],
      "images, streamed": [{ ...picture("A cat."), ...STREAMED }],
      speech: [
        {
          ...SILENT,
          "gen_ai.operation.name": "speech",
          "gen_ai.output.type": "speech",
          "gen_ai.usage.input_tokens": undefined,
          "gen_ai.usage.output_tokens": undefined,
        },
      ],
      "transcriptions and translations": [
        { ...transcript, ...usage(40, 6), "gen_ai.usage.audio.input_tokens": 38 },
        {
          ...transcript,
          "gen_ai.usage.input_tokens": undefined,
          "gen_ai.usage.output_tokens": undefined,
        },
      ],
      Azure: [
        {
          "gen_ai.provider.name": "azure.ai.openai",
          "server.address": "mine.openai.azure.com",
          "server.port": 443,
        },
      ],
      "another provider's address": [
        { "gen_ai.provider.name": "deepseek", "server.address": "api.deepseek.com" },
      ],
      "concurrent calls": CONCURRENT,
      "cached and reasoning tokens": [
        CACHED,
        { ...CACHED, ...STREAMED },
        { ...CACHED, ...RESPONSE },
      ],
      "usage missing from the stream": [
        {
          ...STREAMED,
          "gen_ai.usage.input_tokens": PRESENT,
          "gen_ai.usage.output_tokens": PRESENT,
          "assay.usage.estimated": true,
        },
      ],
    },
  };
}

export const OPENAI: readonly Provider[] = [
  openai(4, "openai4"),
  openai(5, "openai5"),
  openai(6, "openai6"),
  openai(7, "openai"),
];
