/** Anthropic's Messages API on loopback. https://docs.anthropic.com/en/api/messages; the model's name says how it goes. */
import { json, sendEvents, startModelApi, type Exchange } from "./model-api.ts";

const WORDS = ["One", " two", " three", " four"];
const USAGE = {
  input_tokens: 12,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 9,
  service_tier: "standard",
};
const CACHED = {
  input_tokens: 5,
  cache_creation_input_tokens: 300,
  cache_read_input_tokens: 1_000,
  output_tokens: 40,
  output_tokens_details: { thinking_tokens: 25 },
};

type Block = Record<string, unknown> & { type: string };

export function startAnthropic(): ReturnType<typeof startModelApi> {
  return startModelApi(answer);
}

async function answer({ path, body, model, attempt, response }: Exchange): Promise<void> {
  response.setHeader("request-id", `req-${model}`);
  if (path.endsWith("/count_tokens")) return json(response, { input_tokens: 12 });
  if (model.includes("hang")) return;
  if (model.includes("refused")) return refuse(response, 400, "invalid_request_error");
  if (model.includes("overloaded") && attempt === 1) {
    response.setHeader("retry-after-ms", "1");
    return refuse(response, 529, "overloaded_error");
  }
  const message = messageOf(model, body);
  if (body["stream"] !== true) return json(response, message);
  const events = eventsOf(model, message);
  const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  if (model.includes("fails")) events.splice(4, Infinity, error);
  await sendEvents(
    response,
    events.map((data) => ({ event: data.type, data })),
    {
      hangAfter: model.includes("endless") ? 5 : undefined,
      breakAfter: model.includes("broken") ? 5 : undefined,
    },
  );
}

function refuse(response: Exchange["response"], status: number, type: string): void {
  json(response, { type: "error", error: { type, message: `refused: ${type}` } }, status);
}

function messageOf(model: string, body: Record<string, unknown>) {
  return {
    id: `msg_${model}`,
    type: "message",
    role: "assistant",
    model,
    content: contentOf(model, body),
    stop_reason: body["tools"] ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: model.includes("cached") ? CACHED : USAGE,
  };
}

function contentOf(model: string, body: Record<string, unknown>): Block[] {
  if (model.includes("json")) return [{ type: "text", text: '{"answer":42}' }];
  const thinking = { type: "thinking", thinking: "Let me count.", signature: "c2ln" };
  const text = { type: "text", text: WORDS.join("") };
  const call = { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Oslo" } };
  if (body["tools"]) return [text, call];
  return body["thinking"] ? [thinking, text] : [text];
}

function eventsOf(model: string, message: ReturnType<typeof messageOf>) {
  const { content, stop_reason, stop_sequence, usage, ...rest } = message;
  const silent = model.includes("silent");
  const started = { ...usage, output_tokens: 1, output_tokens_details: null };
  const events: Block[] = [
    {
      type: "message_start",
      message: {
        ...rest,
        content: [],
        stop_reason: null,
        ...(silent ? {} : { usage: started }),
      },
    },
    { type: "ping" },
  ];
  for (const [index, block] of content.entries()) events.push(...blockEvents(index, block));
  const last = { output_tokens: usage.output_tokens };
  const details = "output_tokens_details" in usage ? usage.output_tokens_details : null;
  events.push({
    type: "message_delta",
    delta: { stop_reason, stop_sequence },
    ...(silent ? {} : { usage: { ...last, input_tokens: null, output_tokens_details: details } }),
  });
  events.push({ type: "message_stop" });
  return events;
}

function blockEvents(index: number, block: Block): Block[] {
  const deltas: Record<string, unknown>[] =
    block.type === "thinking"
      ? [
          { type: "thinking_delta", thinking: "Let me " },
          { type: "thinking_delta", thinking: "count." },
          { type: "signature_delta", signature: block["signature"] },
        ]
      : block.type === "tool_use"
        ? [
            { type: "input_json_delta", partial_json: "" },
            { type: "input_json_delta", partial_json: '{"city":' },
            { type: "input_json_delta", partial_json: '"Oslo"}' },
          ]
        : WORDS.map((text) => ({ type: "text_delta", text }));
  const empty = { thinking: "", signature: "", text: "", input: {} };
  const start = Object.fromEntries(
    Object.entries(block).map(([key, value]) => [key, Reflect.get(empty, key) ?? value]),
  );
  return [
    { type: "content_block_start", index, content_block: start },
    ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
    { type: "content_block_stop", index },
  ];
}
