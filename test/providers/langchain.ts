/** What the spans of LangChain.js are to say: OpenAI's SDK beneath it is traced, and counted once. */
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
  withoutTimes,
} from "./expectations.ts";
import { startOpenAi } from "./openai-server.ts";

const CALL = { type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Oslo" } };
const QUESTION = JSON.stringify([message("user", text("Count to four."))]);
const TOOL_CALLS: Expected = {
  "gen_ai.response.finish_reasons": ["tool_calls"],
  "gen_ai.tool.definitions": PRESENT,
  ...output("tool_call", CALL),
};
const EMBEDDED: Expected = {
  "gen_ai.operation.name": "embeddings",
  "gen_ai.request.model": "vectors",
  "gen_ai.embeddings.dimension.count": 3,
  "gen_ai.response.id": undefined,
  "gen_ai.response.finish_reasons": undefined,
  "gen_ai.usage.output_tokens": undefined,
};
const ELSEWHERE: Expected = {
  "gen_ai.provider.name": "acme",
  "gen_ai.request.model": "transport",
  "gen_ai.response.id": undefined,
  "gen_ai.usage.cache_read.input_tokens": 8,
  "gen_ai.usage.reasoning.output_tokens": 4,
  "gen_ai.input.messages": QUESTION,
  "server.address": undefined,
  "server.port": undefined,
  ...output("stop", COUNTED),
};

export const langchain: Provider = {
  name: "LangChain.js",
  package: "@langchain/core",
  installedAs: { "@langchain/openai": "@langchain/openai", openai: "openai" },
  script: new URL("langchain.mjs", import.meta.url),
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
        "gen_ai.input.messages": QUESTION,
        ...output("stop", COUNTED),
      },
    ],
    streamed: [{ ...STREAMED, ...output("stop", COUNTED) }],
    "streamed and abandoned": [CUT],
    "broken off mid-stream": [{ ...CUT, "error.type": PRESENT }],
    "never consumed": [withoutTimes({ ...UNREAD, "gen_ai.response.id": PRESENT })],
    "aborted by signal": [failed(PRESENT)],
    "timed out": [failed(PRESENT)],
    // It retries itself: each request that is sent is a call.
    "retried by the SDK": [failed("503"), {}],
    "error status": [failed("400")],
    "tool calls": [TOOL_CALLS],
    "tool calls, streamed": [{ ...STREAMED, ...TOOL_CALLS }],
    parse: [{ "gen_ai.output.type": "json", ...output("stop", text('{"answer":42}')) }],
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
    "a chain": [{ "gen_ai.input.messages": QUESTION }],
    "a chain, streamed": [{ "gen_ai.input.messages": QUESTION, ...STREAMED }],
    embeddings: [EMBEDDED],
    "a retriever": [EMBEDDED],
    "a vector store": [EMBEDDED, EMBEDDED],
    "a tool": [{ "gen_ai.request.model": "in a tool" }],
    "another transport": [ELSEWHERE, { ...ELSEWHERE, "gen_ai.request.stream": true }],
  },
  around: {
    parse: ["invoke_workflow RunnableSequence"],
    "a chain": ["invoke_workflow RunnableSequence"],
    "a chain, streamed": ["invoke_workflow RunnableSequence"],
    "a retriever": ["retrieval shelf"],
    "a vector store": ["retrieval shelf", "retrieval shelf"],
    "a tool": ["execute_tool weather"],
  },
};
