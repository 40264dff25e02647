/**
 * The APIs of OpenAI's form (Groq, Together, Mistral), of Cohere and of Ollama on loopback; the model's name says how it
 * goes. https://platform.openai.com/docs/api-reference/chat, https://docs.cohere.com/reference/chat,
 * https://github.com/ollama/ollama/blob/main/docs/api.md
 */
import { json, sendEvents, sendLines, startModelApi, type Exchange } from "./model-api.ts";
import { chat } from "./openai-server.ts";

interface Protocol {
  whole(model: string, hasTools: boolean): unknown;
  /** In the order of the stream. */
  events(model: string, hasTools: boolean): { event?: string; data: unknown }[];
  /** Server-sent events, or a JSON value a line. */
  lines: boolean;
}

const WORDS = ["One", " two", " three", " four"];
const CITY = '{"city":"Oslo"}';

export function startNetServer(): ReturnType<typeof startModelApi> {
  return startModelApi(answer);
}

async function answer({ path, body, model, attempt, response }: Exchange): Promise<void> {
  if (model.includes("hang")) return;
  const error = { message: "refused", error: { message: "refused", type: "invalid" } };
  if (model.includes("refused")) return json(response, error, 400);
  if (model.includes("overloaded") && attempt === 1) {
    response.setHeader("retry-after", "0");
    return json(response, error, 503);
  }
  const protocol = path.endsWith("/api/chat")
    ? ollama
    : path.endsWith("/v2/chat")
      ? cohere
      : openai;
  const hasTools = Array.isArray(body["tools"]) && body["tools"].length > 0;
  if (body["stream"] !== true) return json(response, protocol.whole(model, hasTools));
  const send = protocol.lines ? sendLines : sendEvents;
  await send(response, protocol.events(model, hasTools), {
    hangAfter: model.includes("endless") ? 4 : undefined,
    breakAfter: model.includes("broken") ? 4 : undefined,
  });
}

const OPENAI_CALL = {
  id: "call_1",
  type: "function",
  function: { name: "weather", arguments: CITY },
};

const openai: Protocol = { lines: false, ...chat };

const COHERE_USAGE = {
  billed_units: { input_tokens: 12, output_tokens: 9 },
  tokens: { input_tokens: 80, output_tokens: 9 },
};

const cohere: Protocol = {
  lines: false,
  whole: (model, hasTools) => ({
    id: `id_${model}`,
    finish_reason: hasTools ? "TOOL_CALL" : "COMPLETE",
    message: hasTools
      ? { role: "assistant", tool_plan: "I look.", tool_calls: [OPENAI_CALL] }
      : { role: "assistant", content: [{ type: "text", text: WORDS.join("") }] },
    usage: model.includes("cached") ? { ...COHERE_USAGE, cached_tokens: 8 } : COHERE_USAGE,
  }),
  events(model, hasTools) {
    const event = (type: string, more: object) => ({ event: type, data: { type, ...more } });
    const text = (message: object) => ({ index: 0, delta: { message } });
    const content = [
      event("content-start", text({ content: { type: "text", text: "" } })),
      ...WORDS.map((word) => event("content-delta", text({ content: { text: word } }))),
      event("content-end", { index: 0 }),
    ];
    const fn = { name: "weather", arguments: "" };
    const call = [
      event("tool-plan-delta", { delta: { message: { tool_plan: "I look." } } }),
      event("tool-call-start", text({ tool_calls: { ...OPENAI_CALL, function: fn } })),
      event("tool-call-delta", text({ tool_calls: { function: { arguments: CITY } } })),
      event("tool-call-end", { index: 0 }),
    ];
    const usage = model.includes("silent") ? {} : { usage: COHERE_USAGE };
    return [
      event("message-start", {
        id: `id_${model}`,
        delta: {
          message: {
            role: "assistant",
            content: [],
            tool_plan: "",
            tool_calls: [],
            citations: [],
          },
        },
      }),
      ...(hasTools ? call : content),
      event("message-end", {
        delta: { finish_reason: hasTools ? "TOOL_CALL" : "COMPLETE", ...usage },
      }),
    ];
  },
};

const ollama: Protocol = {
  lines: true,
  whole: (model, hasTools) => ({
    ...ollamaPiece(model, hasTools ? ollamaCall() : { content: WORDS.join("") }),
    ...ollamaEnd(model),
  }),
  events: (model, hasTools) =>
    [
      ...(hasTools ? [ollamaCall()] : WORDS.map((content) => ({ content }))).map((message) =>
        ollamaPiece(model, message),
      ),
      { ...ollamaPiece(model, { content: "" }), ...ollamaEnd(model) },
    ].map((data) => ({ data })),
};

function ollamaPiece(model: string, message: object): object {
  const created = "2026-11-01T10:00:00.000Z";
  return { model, created_at: created, message: { role: "assistant", ...message }, done: false };
}

function ollamaCall(): object {
  return {
    content: "",
    tool_calls: [{ function: { name: "weather", arguments: JSON.parse(CITY) } }],
  };
}

function ollamaEnd(model: string): object {
  const counts = model.includes("silent") ? {} : { prompt_eval_count: 12, eval_count: 9 };
  return { done: true, done_reason: "stop", total_duration: 1_000, ...counts };
}
