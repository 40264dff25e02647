/** Test support: a day of a small question-answering shop, the same for the same moment. Used by the page's tests. */
import type { ClickHouseClient } from "@clickhouse/client";
import { type TestSpan, chat, insertSpans } from "./test-spans.ts";

const MODELS = [
  { model: "gpt-4.1", usd: 0.0124, ms: 2300 },
  { model: "gpt-4.1-mini", usd: 0.0021, ms: 900 },
  { model: "claude-sonnet-4", usd: 0.0096, ms: 2900 },
  { model: "in-house-llama", usd: null, ms: 500 },
] as const;

export const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;
export const FEATURED = "featured";

const json = JSON.stringify;

/** Traces over 24 hours, a pause in the night, and one trace worth looking at, FEATURED. */
export async function seedDemo(
  client: ClickHouseClient,
  nowMs: number,
  traces = 600,
): Promise<void> {
  const spans: TestSpan[] = [];
  for (let i = 0; i < traces; i++) {
    const age = ((i + 1) / traces) * 24 * 3_600_000;
    if (age > 9 * 3_600_000 && age < 11 * 3_600_000) continue;
    spans.push(...questionTrace(`trace ${i}`, nowMs - age, i));
  }
  spans.push(...featuredTrace(nowMs - 90_000));
  await insertSpans(client, spans);
}

function questionTrace(trace: string, startMs: number, i: number): TestSpan[] {
  const { model, usd, ms } = MODELS[[0, 1, 1, 2, 1, 3, 0, 2][i % 8]!]!;
  const busy = 1 + 0.5 * Math.sin(i / 40);
  const failed = i % 37 === 5;
  const project = i % 5 === 0 ? "support-bot" : "shop-assistant";
  const common = {
    service: i % 5 === 0 ? "support" : "assistant",
    environment: "production",
    user_id: `user-${i % 20}`,
  };
  const durationMs = ms * busy * (1 + ((i * 7919) % 100) / 150);
  const cost = usd === null ? null : (usd * busy).toFixed(12);
  return [
    {
      trace,
      span: "POST /ask",
      project,
      startMs,
      durationMs: durationMs + 180,
      columns: { ...common, kind: 2, attrs_bool: { "assay.generated": true } },
    },
    {
      trace,
      span: "retrieve",
      parent: "POST /ask",
      project,
      startMs: startMs + 20,
      durationMs: 110,
      columns: { ...common, operation: "retrieval", document_count: 4 },
    },
    {
      trace,
      span: `chat ${model}`,
      parent: "POST /ask",
      project,
      startMs: startMs + 150,
      durationMs,
      columns: {
        ...common,
        ...chat(model, failed ? null : cost, {
          input_tokens: 900 + (i % 300),
          output_tokens: 150 + (i % 90),
        }),
        provider: model.startsWith("claude")
          ? "anthropic"
          : model.startsWith("gpt")
            ? "openai"
            : "self-hosted",
        kind: 3,
        ttft_ns: Math.round(durationMs * 2.2e5),
        is_stream: true,
        ...(failed && { status: "error", error_type: "rate_limit_exceeded" }),
      },
    },
  ];
}

function featuredTrace(startMs: number): TestSpan[] {
  const trace = FEATURED;
  const project = "shop-assistant";
  const c = {
    service: "assistant",
    environment: "production",
    release: "2026.11.3",
    session_id: "chat-81",
    user_id: "user-7",
  };
  const documents = [
    {
      id: "returns-policy#2",
      score: 0.91,
      content: "Items may be returned within 30 days of delivery.",
      title: "Returns",
    },
    { id: "shipping#5", score: 0.74, content: HOSTILE },
  ];
  const input = [
    {
      role: "user",
      parts: [
        { type: "text", content: "Can I send the blue kettle back? I ordered it on 3 November." },
      ],
    },
    {
      role: "assistant",
      parts: [
        { type: "tool_call", id: "call_1", name: "find_order", arguments: { item: "blue kettle" } },
      ],
    },
    {
      role: "tool",
      parts: [
        {
          type: "tool_call_response",
          id: "call_1",
          result: { order: "A-2231", delivered: "2026-11-06" },
        },
      ],
    },
  ];
  const output = [
    {
      role: "assistant",
      parts: [
        {
          type: "text",
          content:
            "Yes. It was delivered on 6 November, so you can return it until 6 December.\n\nShall I send you a return label?",
        },
      ],
      finish_reason: "stop",
    },
  ];
  return [
    {
      trace,
      span: "POST /ask",
      project,
      startMs,
      durationMs: 4210,
      columns: {
        ...c,
        kind: 2,
        attrs_string: { "http.route": "/ask", "url.path": "/ask" },
        attrs_int: { "http.response.status_code": "200" },
        attrs_bool: { "assay.generated": true },
        resource: { "service.name": "assistant", "host.name": "web-1" },
      },
    },
    {
      trace,
      span: "invoke_agent assistant",
      parent: "POST /ask",
      project,
      startMs: startMs + 30,
      durationMs: 4120,
      columns: { ...c, operation: "invoke_agent", agent_name: "assistant" },
    },
    {
      trace,
      span: "embeddings text-embedding-3-small",
      parent: "retrieval kb",
      project: "search",
      startMs: startMs + 60,
      durationMs: 85,
      columns: {
        ...c,
        service: "search",
        ...chat("text-embedding-3-small", "0.000000280000", {
          operation: "embeddings",
          input_tokens: 14,
          output_tokens: 0,
        }),
      },
    },
    {
      trace,
      span: "retrieval kb",
      parent: "invoke_agent assistant",
      project: "search",
      startMs: startMs + 50,
      durationMs: 240,
      columns: {
        ...c,
        service: "search",
        operation: "retrieval",
        data_source: "kb",
        top_k: 4,
        document_count: 2,
        has_content: true,
        content_query: "return blue kettle",
        content_documents: json(documents),
      },
    },
    {
      trace,
      span: "chat gpt-4.1-mini",
      parent: "invoke_agent assistant",
      project,
      startMs: startMs + 310,
      durationMs: 940,
      columns: {
        ...c,
        ...chat("gpt-4.1-mini", "0.000412800000", {
          input_tokens: 792,
          output_tokens: 60,
          finish_reasons: ["tool_call"],
        }),
        kind: 3,
        is_stream: true,
        ttft_ns: 310e6,
        price_id: "openai/gpt-4.1-mini@2025-04-14#5d01e2ab",
      },
    },
    {
      trace,
      span: "execute_tool find_order",
      parent: "invoke_agent assistant",
      project,
      startMs: startMs + 1260,
      durationMs: 130,
      columns: {
        ...c,
        service: "orders",
        operation: "execute_tool",
        tool_name: "find_order",
        has_content: true,
        content_arguments: json({ item: "blue kettle" }),
        content_result: json({ order: "A-2231", delivered: "2026-11-06" }),
      },
    },
    {
      trace,
      span: "GET orders.internal",
      parent: "execute_tool find_order",
      project,
      startMs: startMs + 1290,
      durationMs: 60,
      columns: {
        ...c,
        service: "orders",
        status: "error",
        error_type: "timeout",
        status_message: "upstream did not answer within 60 ms",
        kind: 3,
      },
    },
    {
      trace,
      span: "chat gpt-4.1",
      parent: "invoke_agent assistant",
      project,
      startMs: startMs + 1400,
      durationMs: 2700,
      columns: {
        ...c,
        ...chat("gpt-4.1", "0.004128000000", {
          input_tokens: 1240,
          cache_read_tokens: 512,
          output_tokens: 206,
          finish_reasons: ["stop"],
        }),
        response_model: "gpt-4.1-2025-04-14",
        kind: 3,
        is_stream: true,
        ttft_ns: 620e6,
        temperature: 0.2,
        top_p: 1,
        max_tokens: 800,
        price_id: "openai/gpt-4.1@2025-04-14#9c1f0a77",
        reported_cost: "0.004128000000",
        reported_cost_source: "local",
        has_content: true,
        content_system: json([
          {
            type: "text",
            content: "You are the shop's assistant. Answer only from the documents.",
          },
        ]),
        content_input: json(input),
        content_output: json(output),
      },
    },
  ];
}
