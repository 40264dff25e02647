/**
 * What the spans of SDKs without a patch of their own are to say: they are traced at `fetch`. The situations are in the
 * script of each, over situations.mjs.
 */
import { ANYHOW, PRESENT, type Expected, type Provider } from "./contract.ts";
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
import { startNetServer } from "./net-server.ts";

const CALL = { type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Oslo" } };

interface NetSdk {
  name: string;
  package: string;
  script: string;
  api?: string;
  recorded?: Provider["recorded"];
  /** @default openai: nothing in the address of a server on loopback says whose it is */
  provider?: string;
  /** Finish reasons of an answer, and of one that calls a tool. @default as OpenAI's */
  reasons?: readonly [end: string, call: string];
  toolParts?: readonly unknown[];
  /** @default PRESENT */
  responseId?: unknown;
  /** What it reads of a stream before anybody asks. */
  unread?: Expected;
  cached?: Expected;
  /** Of a stream that is left half-way. */
  left?: Expected;
}

function netProvider(sdk: NetSdk): Provider {
  const [end, call] = sdk.reasons ?? ["stop", "tool_calls"];
  const parts = sdk.toolParts ?? [CALL];
  const responseId = "responseId" in sdk ? sdk.responseId : PRESENT;
  const toolCalls = {
    "gen_ai.response.finish_reasons": [call],
    "gen_ai.tool.definitions": PRESENT,
    ...output("tool_call", ...parts),
  };
  return {
    name: sdk.name,
    package: sdk.package,
    script: new URL(sdk.script, import.meta.url),
    startServer: startNetServer,
    ...(sdk.api && sdk.recorded ? { api: sdk.api, recorded: sdk.recorded } : {}),
    every: {
      ...ANSWERED,
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": sdk.provider ?? "openai",
      "gen_ai.response.id": responseId,
      "gen_ai.response.finish_reasons": [end],
    },
    calls: {
      plain: [
        {
          "gen_ai.request.model": "plain",
          "gen_ai.input.messages": JSON.stringify([message("user", text("Count to four."))]),
          ...output("stop", COUNTED),
        },
      ],
      streamed: [{ ...STREAMED, ...output("stop", COUNTED) }],
      "streamed and abandoned": [{ ...CUT, ...sdk.left }],
      "broken off mid-stream": [{ ...CUT, "error.type": PRESENT }],
      "never consumed": [sdk.unread ?? UNREAD],
      "aborted by signal": [failed(PRESENT)],
      "timed out": [failed(PRESENT)],
      // Each request that is sent is a call here: it may be billed.
      "retried by the SDK": [failed("503"), {}],
      "error status": [failed("400")],
      "tool calls": [toolCalls],
      "tool calls, streamed": [{ ...STREAMED, ...toolCalls }],
      "concurrent calls": CONCURRENT,
      "cached and reasoning tokens": [sdk.cached ?? {}],
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

const OPENAI_CACHED: Expected = {
  "gen_ai.usage.cache_read.input_tokens": 8,
  "gen_ai.usage.reasoning.output_tokens": 4,
};

export const groq = netProvider({
  name: "Groq",
  package: "groq-sdk",
  script: "groq.mjs",
  cached: OPENAI_CACHED,
});

export const together = netProvider({
  name: "Together",
  package: "together-ai",
  api: "together",
  recorded: ["plain", "streamed", "tool calls"],
  script: "together.mjs",
  cached: OPENAI_CACHED,
});

export const mistral = netProvider({
  name: "Mistral",
  package: "@mistralai/mistralai",
  script: "mistral.mjs",
  // It reads ahead: how much of the answer it has seen when the process ends is a matter of time.
  unread: {
    "gen_ai.usage.input_tokens": PRESENT,
    "gen_ai.usage.output_tokens": PRESENT,
    "gen_ai.response.finish_reasons": PRESENT,
    "assay.stream.abandoned": ANYHOW,
    "assay.usage.estimated": ANYHOW,
    "error.type": ANYHOW,
  },
  cached: OPENAI_CACHED,
});

export const cohere = netProvider({
  name: "Cohere",
  package: "cohere-ai",
  api: "cohere",
  recorded: ["streamed"],
  script: "cohere.mjs",
  provider: "cohere",
  reasons: ["COMPLETE", "TOOL_CALL"],
  toolParts: [{ type: "reasoning", content: "I look." }, CALL],
  cached: { "gen_ai.usage.cache_read.input_tokens": 8 },
});

export const ollama = netProvider({
  name: "Ollama",
  package: "ollama",
  script: "ollama.mjs",
  provider: "ollama",
  toolParts: [{ type: "tool_call", id: null, name: "weather", arguments: { city: "Oslo" } }],
  responseId: undefined,
  left: { "error.type": "AbortError" },
});
