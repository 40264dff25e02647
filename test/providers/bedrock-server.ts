/**
 * Bedrock's runtime on loopback: Converse and InvokeModel with the bodies of several models, whole and as event streams.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html; the model's id says
 * how it goes.
 */
import { eventFrame, exceptionFrame } from "./event-stream.ts";
import { json, sendPieces, startModelApi, type Exchange, type ModelApi } from "./model-api.ts";

const WORDS = ["One", " two", " three", " four"];
const CALL = { toolUseId: "tool_1", name: "weather", input: { city: "Oslo" } };

export function startBedrock(): Promise<ModelApi> {
  return startModelApi(answer);
}

async function answer({ path, body, model, attempt, response }: Exchange): Promise<void> {
  response.setHeader("x-amzn-requestid", `id_${model}`);
  if (model.includes("hang")) return;
  if (model.includes("refused")) return refuse(response, 400, "ValidationException");
  if (model.includes("overloaded") && attempt === 1)
    return refuse(response, 503, "ServiceUnavailableException");
  if (path.endsWith("/converse")) return json(response, converseAnswer(model, body));
  if (path.endsWith("/invoke")) return json(response, INVOKED[formOf(model)]?.whole ?? {});
  const frames = path.endsWith("/converse-stream")
    ? converseFrames(model, body)
    : (INVOKED[formOf(model)]?.events ?? []).map(chunkFrame);
  const exception = exceptionFrame("modelStreamErrorException", { message: "Overloaded" });
  if (model.includes("fails")) frames.splice(3, Infinity, exception);
  response.setHeader("content-type", "application/vnd.amazon.eventstream");
  await sendPieces(response, frames, {
    hangAfter: model.includes("endless") ? 3 : undefined,
    breakAfter: model.includes("broken") ? 3 : undefined,
  });
}

function refuse(response: Exchange["response"], status: number, type: string): void {
  response.setHeader("x-amzn-errortype", type);
  json(response, { message: `refused: ${type}` }, status);
}

function usageOf(model: string): object {
  if (!model.includes("cached")) return { inputTokens: 12, outputTokens: 9, totalTokens: 21 };
  return {
    inputTokens: 5,
    outputTokens: 40,
    totalTokens: 1_345,
    cacheReadInputTokens: 1_000,
    cacheWriteInputTokens: 300,
  };
}

function converseAnswer(model: string, body: Record<string, unknown>): object {
  const content = body["toolConfig"] ? [{ toolUse: CALL }] : [{ text: WORDS.join("") }];
  return {
    output: { message: { role: "assistant", content } },
    stopReason: body["toolConfig"] ? "tool_use" : "end_turn",
    usage: usageOf(model),
    metrics: { latencyMs: 10 },
  };
}

function converseEvents(model: string, hasTools: boolean): Record<string, object>[] {
  const at = { contentBlockIndex: 0 };
  const { input, ...start } = CALL;
  const text = WORDS.map((word) => ({ contentBlockDelta: { ...at, delta: { text: word } } }));
  const call = [
    { contentBlockStart: { ...at, start: { toolUse: start } } },
    { contentBlockDelta: { ...at, delta: { toolUse: { input: JSON.stringify(input) } } } },
  ];
  const thought = { contentBlockDelta: { ...at, delta: { reasoningContent: { text: "Hm." } } } };
  return [
    { messageStart: { role: "assistant" } },
    ...(model.includes("thinking") ? [thought] : hasTools ? call : text),
    { contentBlockStop: at },
    { messageStop: { stopReason: hasTools ? "tool_use" : "end_turn" } },
    ...(model.includes("silent")
      ? []
      : [{ metadata: { usage: usageOf(model), metrics: { latencyMs: 10 } } }]),
  ];
}

function converseFrames(model: string, body: Record<string, unknown>): Buffer[] {
  return converseEvents(model, body["toolConfig"] !== undefined).flatMap((event) =>
    Object.entries(event).map(([type, payload]) => eventFrame(type, payload)),
  );
}

function chunkFrame(event: object): Buffer {
  return eventFrame("chunk", { bytes: Buffer.from(JSON.stringify(event)).toString("base64") });
}

function formOf(model: string): string {
  return Object.keys(INVOKED).find((form) => model.includes(form)) ?? "";
}

const METRICS = { inputTokenCount: 12, outputTokenCount: 9, invocationLatency: 10 };
const MESSAGE = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-3-5-sonnet-20241022",
  content: [{ type: "text", text: WORDS.join("") }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 12, output_tokens: 9 },
};

/** By what is in the model's id: its answer, and its events. */
const INVOKED: Readonly<Record<string, { whole: object; events: object[] }>> = {
  "anthropic.claude": {
    whole: MESSAGE,
    events: [
      {
        type: "message_start",
        message: {
          ...MESSAGE,
          content: [],
          stop_reason: null,
          usage: { input_tokens: 12, output_tokens: 1 },
        },
      },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      ...WORDS.map((text) => ({
        type: "content_block_delta",
        index: 0,
        delta: { type: "text_delta", text },
      })),
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 9 } },
      { type: "message_stop", "amazon-bedrock-invocationMetrics": METRICS },
    ],
  },
  "amazon.titan-text": {
    whole: {
      inputTextTokenCount: 12,
      results: [{ tokenCount: 9, outputText: WORDS.join(""), completionReason: "FINISH" }],
    },
    events: WORDS.map((outputText, at) => ({
      outputText,
      index: at,
      ...(at === 0 ? { inputTextTokenCount: 12 } : {}),
      ...(at === 3
        ? {
            completionReason: "FINISH",
            totalOutputTextTokenCount: 9,
            "amazon-bedrock-invocationMetrics": METRICS,
          }
        : {}),
    })),
  },
  "amazon.titan-embed": {
    whole: { embedding: [0.25, -0.5, 1], inputTextTokenCount: 12 },
    events: [],
  },
  "meta.llama": {
    whole: {
      generation: WORDS.join(""),
      prompt_token_count: 12,
      generation_token_count: 9,
      stop_reason: "stop",
    },
    events: WORDS.map((generation, at) => ({
      generation,
      prompt_token_count: at === 0 ? 12 : null,
      generation_token_count: at === 3 ? 9 : at + 1,
      stop_reason: at === 3 ? "stop" : null,
    })),
  },
  "amazon.nova": {
    whole: {
      output: { message: { role: "assistant", content: [{ text: WORDS.join("") }] } },
      stopReason: "end_turn",
      usage: { inputTokens: 12, outputTokens: 9, totalTokens: 21 },
    },
    events: converseEvents("amazon.nova", false),
  },
  "acme.model": {
    whole: { words: WORDS },
    events: [{ words: WORDS }, { "amazon-bedrock-invocationMetrics": METRICS }],
  },
};
