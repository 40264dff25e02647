/**
 * OpenAI's API on loopback: chat, responses, embeddings, images, audio. https://platform.openai.com/docs/api-reference;
 * the model's name says how it goes.
 */
import {
  json,
  sendEvents,
  startModelApi,
  type Exchange,
  type ModelApi,
  type StreamEvent,
} from "./model-api.ts";

const WORDS = ["One", " two", " three", " four"];
const CREATED = 1_790_000_000;
/** A picture of nothing. */
const PIXEL = "iVBORw0KGgo=";

export function startOpenAi(): Promise<ModelApi> {
  return startModelApi(answer);
}

async function answer(exchange: Exchange): Promise<void> {
  const { path, body, model, attempt, response } = exchange;
  response.setHeader("x-request-id", `req-${model}`);
  if (model.includes("hang")) return;
  if (model.includes("refused")) return refuse(response, 400);
  if (model.includes("overloaded") && attempt === 1) {
    response.setHeader("retry-after-ms", "1");
    return refuse(response, 503);
  }
  const api = Object.entries(APIS).find(([end]) => path.endsWith(end))?.[1];
  if (!api) return refuse(response, 404);
  if (body["stream"] !== true) return api.whole(exchange);
  await sendEvents(response, api.events?.(exchange) ?? [], {
    hangAfter: model.includes("endless") ? 4 : undefined,
    breakAfter: model.includes("broken") ? 4 : undefined,
  });
}

function refuse(response: Exchange["response"], status: number): void {
  json(response, { error: { message: "refused", type: "invalid", code: "no_such" } }, status);
}

interface Api {
  whole(exchange: Exchange): void;
  events?(exchange: Exchange): StreamEvent[];
}

/** By the end of the path. */
const APIS: Readonly<Record<string, Api>> = {
  "/chat/completions": {
    whole: ({ response, model, body }) => json(response, chat.whole(model, hasTools(body))),
    events: ({ model, body }) => chat.events(model, hasTools(body)),
  },
  "/completions": {
    whole: ({ response, model }) =>
      json(response, {
        id: `id_${model}`,
        object: "text_completion",
        created: CREATED,
        model,
        choices: [{ index: 0, text: WORDS.join(""), finish_reason: "stop", logprobs: null }],
        usage: chatUsage(model),
      }),
  },
  "/responses": {
    whole: ({ response, model }) => json(response, responseOf(model)),
    events: ({ model }) => responseEvents(model),
  },
  "/embeddings": {
    whole: ({ response, model }) =>
      json(response, {
        object: "list",
        model,
        data: [{ object: "embedding", index: 0, embedding: [0.25, -0.5, 1] }],
        usage: { prompt_tokens: 12, total_tokens: 12 },
      }),
  },
  "/images/generations": { whole: ({ response }) => json(response, IMAGE), events: imageEvents },
  "/images/edits": { whole: ({ response }) => json(response, IMAGE) },
  "/audio/speech": {
    whole: ({ response }) => response.setHeader("content-type", "audio/mpeg").end("sound"),
  },
  "/audio/transcriptions": { whole: ({ response }) => json(response, TRANSCRIPT) },
  "/audio/translations": { whole: ({ response }) => json(response, { text: WORDS.join("") }) },
};

function hasTools(body: Record<string, unknown>): boolean {
  return Array.isArray(body["tools"]) && body["tools"].length > 0;
}

const CALL = {
  id: "call_1",
  type: "function",
  function: { name: "weather", arguments: '{"city":"Oslo"}' },
};

/** Chat: also what others speak who took it over. */
export const chat = {
  whole: (model: string, withCall: boolean): object => ({
    id: `id_${model}`,
    object: "chat.completion",
    created: CREATED,
    model,
    choices: [
      {
        index: 0,
        message: withCall
          ? { role: "assistant", content: null, tool_calls: [CALL] }
          : {
              role: "assistant",
              content: model.includes("json") ? '{"answer":42}' : WORDS.join(""),
            },
        finish_reason: withCall ? "tool_calls" : "stop",
      },
    ],
    usage: chatUsage(model),
  }),
  events(model: string, withCall: boolean): StreamEvent[] {
    const chunk = (delta: unknown, reason: string | null = null, usage?: unknown) => ({
      data: {
        id: `id_${model}`,
        object: "chat.completion.chunk",
        created: CREATED,
        model,
        choices: [{ index: 0, delta, finish_reason: reason }],
        ...(usage ? { usage } : {}),
      },
    });
    const deltas = withCall
      ? [{ tool_calls: [{ index: 0, ...CALL }] }]
      : WORDS.map((content) => ({ content }));
    const usage = model.includes("silent") ? undefined : chatUsage(model);
    return [
      chunk({ role: "assistant", content: "" }),
      ...deltas.map((delta) => chunk(delta)),
      chunk({ content: "" }, withCall ? "tool_calls" : "stop", usage),
      { data: "[DONE]" },
    ];
  },
};

function chatUsage(model: string): object {
  const usage = { prompt_tokens: 12, completion_tokens: 9, total_tokens: 21 };
  if (!model.includes("cached")) return usage;
  return {
    ...usage,
    prompt_tokens_details: { cached_tokens: 8 },
    completion_tokens_details: { reasoning_tokens: 4 },
  };
}

function responseOf(model: string) {
  const cached = model.includes("cached");
  return {
    id: `id_${model}`,
    object: "response",
    created_at: CREATED,
    status: "completed",
    model,
    output: [
      {
        type: "message",
        id: "msg_1",
        status: "completed",
        role: "assistant",
        content: [
          {
            type: "output_text",
            text: model.includes("json") ? '{"answer":42}' : WORDS.join(""),
            annotations: [],
          },
        ],
      },
    ],
    usage: {
      input_tokens: 12,
      input_tokens_details: { cached_tokens: cached ? 8 : 0 },
      output_tokens: 9,
      output_tokens_details: { reasoning_tokens: cached ? 4 : 0 },
      total_tokens: 21,
    },
  };
}

function responseEvents(model: string): StreamEvent[] {
  const whole = responseOf(model);
  const [item] = whole.output;
  const started = { ...whole, status: "in_progress", output: [], usage: null };
  const place = { item_id: "msg_1", output_index: 0, content_index: 0 };
  const part = { type: "output_text", text: "", annotations: [] };
  const events = [
    { type: "response.created", response: started },
    {
      type: "response.output_item.added",
      output_index: 0,
      item: { ...item, status: "in_progress", content: [] },
    },
    { type: "response.content_part.added", ...place, part },
    ...WORDS.map((delta) => ({ type: "response.output_text.delta", ...place, delta })),
    { type: "response.output_text.done", ...place, text: WORDS.join("") },
    { type: "response.content_part.done", ...place, part: { ...part, text: WORDS.join("") } },
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: whole },
  ];
  return events.map((data, at) => ({
    event: data.type,
    data: { ...data, sequence_number: at },
  }));
}

const IMAGE_USAGE = {
  input_tokens: 12,
  input_tokens_details: { text_tokens: 12, image_tokens: 0 },
  output_tokens: 272,
  total_tokens: 284,
};
const IMAGE = { created: CREATED, data: [{ b64_json: PIXEL }], usage: IMAGE_USAGE };

function imageEvents(): StreamEvent[] {
  const image = { b64_json: PIXEL, created_at: CREATED, size: "1024x1024" };
  return [
    { type: "image_generation.partial_image", partial_image_index: 0, ...image },
    { type: "image_generation.completed", ...image, usage: IMAGE_USAGE },
  ].map((data) => ({ event: data.type, data }));
}

const TRANSCRIPT = {
  text: WORDS.join(""),
  usage: {
    type: "tokens",
    input_tokens: 40,
    input_token_details: { text_tokens: 2, audio_tokens: 38 },
    output_tokens: 6,
    total_tokens: 46,
  },
};
