import { MODEL_OPERATIONS } from "@assay/instrumentation/conventions";
import { describe, expect, test } from "vitest";
import { attributesOf, spanBytes, START, type TestEvent } from "./testing/spans.ts";
import { isForeignKey, translate, translateStats } from "./translate.ts";

type Attributes = Parameters<typeof spanBytes>[0];

function translated(
  attributes: Attributes,
  events: readonly TestEvent[] = [],
  name = "span",
): Record<string, unknown> {
  const bytes = spanBytes(attributes, events, name);
  return attributesOf(translate(bytes, 0, bytes.length) ?? bytes);
}

const said = (text: string, role = "user") => [{ role, parts: [{ type: "text", content: text }] }];
const json = JSON.stringify;

interface Case {
  attributes: Attributes;
  events?: readonly TestEvent[];
  name?: string;
  /** Lists and objects are compared with the JSON that the attribute holds. */
  expected: Readonly<Record<string, unknown>>;
  gone?: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  "OpenInference: chat with a tool call": {
    attributes: {
      "openinference.span.kind": "LLM",
      "llm.provider": "openai",
      "llm.system": "openai",
      "llm.model_name": "gpt-4o-mini-2024-07-18",
      "llm.invocation_parameters": json({ model: "gpt-4o-mini", temperature: 0.5, seed: 7 }),
      "input.value": json({ model: "gpt-4o-mini", messages: [] }),
      "input.mime_type": "application/json",
      "llm.input_messages.0.message.role": "system",
      "llm.input_messages.0.message.content": "Be brief",
      "llm.input_messages.1.message.role": "user",
      "llm.input_messages.1.message.contents.0.message_content.type": "text",
      "llm.input_messages.1.message.contents.0.message_content.text": "Weather?",
      "llm.output_messages.0.message.role": "assistant",
      "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_1",
      "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "weather",
      "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"city":"Oslo"}',
      "output.value": json({ id: "chatcmpl-1", choices: [{ finish_reason: "tool_calls" }] }),
      "llm.tools.0.tool.json_schema": json({
        type: "function",
        function: { name: "weather", parameters: { type: "object" } },
      }),
      "llm.token_count.prompt": 100,
      "llm.token_count.completion": 20,
      "llm.token_count.prompt_details.cache_read": 64,
      "llm.token_count.completion_details.reasoning": 5,
      "llm.cost.total": 0.25,
      "session.id": "s1",
    },
    events: [{ name: "First Token Stream Event", timeUnixNano: START + 250_000_000n }],
    expected: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
      "gen_ai.response.id": "chatcmpl-1",
      "gen_ai.response.finish_reasons": ["tool_call"],
      "gen_ai.request.temperature": 0.5,
      "gen_ai.request.seed": 7,
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 20,
      "gen_ai.usage.cache_read.input_tokens": 64,
      "gen_ai.usage.reasoning.output_tokens": 5,
      "gen_ai.usage.cost.amount": 0.25,
      "gen_ai.response.time_to_first_chunk": 0.25,
      "gen_ai.input.messages": [...said("Be brief", "system"), ...said("Weather?")],
      "gen_ai.output.messages": [
        {
          role: "assistant",
          parts: [
            { type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Oslo" } },
          ],
        },
      ],
      "gen_ai.tool.definitions": [
        { type: "function", name: "weather", parameters: { type: "object" } },
      ],
      "session.id": "s1",
      "llm.model_name": "gpt-4o-mini-2024-07-18",
    },
    gone: ["input.value", "output.value", "llm.input_messages.0.message.content"],
  },
  "OpenInference: a chain has no model, its aggregates do not count": {
    attributes: {
      "openinference.span.kind": "CHAIN",
      "input.value": "question",
      "output.value": "answer",
      "llm.token_count.prompt": 100,
    },
    expected: {
      "gen_ai.operation.name": "invoke_workflow",
      "gen_ai.input.messages": said("question"),
      "gen_ai.output.messages": said("answer", "assistant"),
    },
  },
  "OpenInference: retrieved documents": {
    attributes: {
      "openinference.span.kind": "RETRIEVER",
      "input.value": "what is a span?",
      "retrieval.documents.0.document.id": "d1",
      "retrieval.documents.0.document.content": "A span is",
      "retrieval.documents.0.document.score": 0.9,
      "retrieval.documents.1.document.content": "Another",
      "retrieval.documents.1.document.metadata": '{"page":2}',
    },
    expected: {
      "gen_ai.operation.name": "retrieval",
      "gen_ai.retrieval.query.text": "what is a span?",
      "gen_ai.retrieval.documents": [
        { id: "d1", content: "A span is", score: 0.9 },
        { content: "Another", metadata: { page: 2 } },
      ],
    },
    gone: ["input.value", "retrieval.documents.0.document.content"],
  },
  "OpenInference: a tool": {
    attributes: {
      "openinference.span.kind": "TOOL",
      "tool.name": "search",
      "input.value": '{"q":"x"}',
      "output.value": "found",
    },
    expected: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "search",
      "gen_ai.tool.call.arguments": { q: "x" },
      "gen_ai.tool.call.result": "found",
    },
  },
  "Traceloop: older chat": {
    attributes: {
      "gen_ai.system": "OpenAI",
      "llm.request.type": "chat",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.prompt.0.role": "user",
      "gen_ai.prompt.0.content": "Hi",
      "gen_ai.completion.0.role": "assistant",
      "gen_ai.completion.0.content": "Hello",
      "gen_ai.completion.0.finish_reason": "stop",
      "gen_ai.usage.prompt_tokens": 9,
      "gen_ai.usage.completion_tokens": 2,
      "llm.usage.total_tokens": 11,
      "traceloop.association.properties.session_id": "s2",
      "traceloop.association.properties.user_id": "u2",
      "traceloop.prompt.key": "greeting",
      "traceloop.prompt.version": 3,
    },
    expected: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.usage.input_tokens": 9,
      "gen_ai.usage.output_tokens": 2,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.input.messages": said("Hi"),
      "gen_ai.output.messages": [{ ...said("Hello", "assistant")[0], finish_reason: "stop" }],
      "gen_ai.conversation.id": "s2",
      "user.id": "u2",
      "gen_ai.prompt.name": "greeting",
      "gen_ai.prompt.version": "3",
    },
    gone: ["gen_ai.prompt.0.content", "gen_ai.completion.0.content"],
  },
  "Traceloop: a workflow": {
    attributes: {
      "traceloop.span.kind": "workflow",
      "traceloop.entity.name": "answer",
      "traceloop.entity.input": '{"args":[]}',
    },
    expected: { "gen_ai.operation.name": "invoke_workflow", "traceloop.entity.name": "answer" },
  },
  "Traceloop: a vector store": {
    attributes: {
      "db.system": "pinecone",
      "db.vector.query.top_k": 3,
      "db.collection.name": "handbook",
    },
    events: [
      {
        name: "db.query.result",
        timeUnixNano: START,
        attributes: {
          "db.query.result.id": "v1",
          "db.query.result.score": 0.5,
          "db.query.result.document": "text",
        },
      },
    ],
    expected: {
      "gen_ai.operation.name": "retrieval",
      "gen_ai.retrieval.top_k": 3,
      "gen_ai.data_source.id": "handbook",
      "gen_ai.retrieval.documents": [{ id: "v1", score: 0.5, content: "text" }],
    },
  },
  "AI SDK: the outer span is no model call": {
    attributes: {
      "operation.name": "ai.generateText chatbot",
      "ai.operationId": "ai.generateText",
      "ai.model.id": "gpt-4o",
      "ai.model.provider": "openai.responses",
      "ai.prompt": '{"prompt":"Hi"}',
      "ai.response.text": "Hello",
      "ai.usage.inputTokens": 9,
      "ai.telemetry.functionId": "chatbot",
    },
    expected: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "chatbot",
      "gen_ai.provider.name": "openai",
      "gen_ai.input.messages": said("Hi"),
    },
    gone: ["ai.prompt", "ai.response.text"],
  },
  "AI SDK: the model call": {
    attributes: {
      "operation.name": "ai.streamText.doStream",
      "ai.operationId": "ai.streamText.doStream",
      "ai.model.id": "gpt-4o",
      "ai.model.provider": "openai.chat",
      "gen_ai.system": "openai.chat",
      "ai.prompt.messages": json([
        { role: "system", content: "Be brief" },
        { role: "user", content: [{ type: "text", text: "Hi" }] },
        {
          role: "tool",
          content: [
            {
              type: "tool-result",
              toolCallId: "c1",
              toolName: "t",
              output: { type: "json", value: 4 },
            },
          ],
        },
      ]),
      "ai.response.toolCalls": json([{ toolCallId: "c2", toolName: "t", input: '{"a":1}' }]),
      "ai.response.finishReason": "tool-calls",
      "ai.response.msToFirstChunk": 120,
      "ai.usage.inputTokens": 30,
      "ai.usage.outputTokens": 7,
      "ai.usage.cachedInputTokens": 16,
      "ai.settings.maxOutputTokens": 64,
      "ai.telemetry.metadata.sessionId": "s3",
    },
    expected: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.request.stream": true,
      "gen_ai.request.max_tokens": 64,
      "gen_ai.response.finish_reasons": ["tool_call"],
      "gen_ai.response.time_to_first_chunk": 0.12,
      "gen_ai.usage.input_tokens": 30,
      "gen_ai.usage.output_tokens": 7,
      "gen_ai.usage.cache_read.input_tokens": 16,
      "gen_ai.conversation.id": "s3",
      "gen_ai.input.messages": [
        ...said("Be brief", "system"),
        ...said("Hi"),
        { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: 4 }] },
      ],
      "gen_ai.output.messages": [
        {
          role: "assistant",
          parts: [{ type: "tool_call", id: "c2", name: "t", arguments: { a: 1 } }],
          finish_reason: "tool_call",
        },
      ],
    },
  },
  "AI SDK 5 with Anthropic: cached input is added": {
    attributes: {
      "ai.operationId": "ai.generateText.doGenerate",
      "ai.model.id": "claude-sonnet-4",
      "ai.model.provider": "anthropic.messages",
      "gen_ai.usage.input_tokens": 10,
      "ai.usage.inputTokens": 10,
      "ai.usage.cachedInputTokens": 500,
      "ai.response.providerMetadata": json({
        anthropic: { cacheCreationInputTokens: 90, usage: {} },
      }),
    },
    expected: {
      "gen_ai.usage.input_tokens": 600,
      "gen_ai.usage.cache_read.input_tokens": 500,
      "gen_ai.usage.cache_write.input_tokens": 90,
      "gen_ai.provider.name": "anthropic",
    },
  },
  "Langfuse: exclusive buckets are summed": {
    attributes: {
      "langfuse.observation.type": "generation",
      "langfuse.observation.model.name": "gpt-4o-mini",
      "langfuse.observation.model.parameters": json({ temperature: 0.2, max_tokens: 50 }),
      "langfuse.observation.usage_details": json({
        input: 36,
        input_cached_tokens: 64,
        input_audio_tokens: 0,
        output: 15,
        output_reasoning_tokens: 5,
        total: 120,
      }),
      "langfuse.observation.cost_details": json({ input: 0.1, output: 0.2 }),
      "langfuse.observation.completion_start_time": '"2026-01-01T00:00:00.300Z"',
      "langfuse.observation.input": json({
        messages: [{ role: "user", content: "Hi" }],
        tools: [{ type: "function", function: { name: "t" } }],
      }),
      "langfuse.observation.output": json({ role: "assistant", content: "Hello" }),
      "langfuse.observation.prompt.name": "greeting",
      "langfuse.observation.prompt.version": 2,
      "langfuse.environment": "staging",
      "langfuse.release": "r1",
      "session.id": "s4",
      "user.id": "u4",
    },
    expected: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.usage.input_tokens": 100,
      "gen_ai.usage.output_tokens": 20,
      "gen_ai.usage.cache_read.input_tokens": 64,
      "gen_ai.usage.reasoning.output_tokens": 5,
      "gen_ai.request.temperature": 0.2,
      "gen_ai.request.max_tokens": 50,
      "gen_ai.response.time_to_first_chunk": 0.3,
      "gen_ai.input.messages": said("Hi"),
      "gen_ai.output.messages": said("Hello", "assistant"),
      "gen_ai.tool.definitions": [{ type: "function", name: "t" }],
      "gen_ai.prompt.name": "greeting",
      "gen_ai.prompt.version": "2",
      "deployment.environment.name": "staging",
      "assay.release": "r1",
      "gen_ai.conversation.id": "s4",
    },
    gone: ["langfuse.observation.input", "langfuse.observation.output"],
  },
  "Langfuse: totals where users gave totals": {
    attributes: {
      "langfuse.observation.type": "generation",
      "langfuse.observation.model.name": "claude-3",
      "langfuse.observation.usage_details": json({
        input: 100,
        cache_read_input_tokens: 60,
        output: 5,
        total: 105,
      }),
    },
    expected: { "gen_ai.usage.input_tokens": 100, "gen_ai.provider.name": "anthropic" },
  },
  "MLflow: chat": {
    attributes: {
      "mlflow.spanType": '"CHAT_MODEL"',
      "mlflow.spanInputs": json({
        model: "gpt-4o-mini",
        messages: [{ role: "user", content: "Hi" }],
        temperature: 0,
      }),
      "mlflow.spanOutputs": json({
        id: "chatcmpl-2",
        model: "gpt-4o-mini-2024-07-18",
        choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
      }),
      "mlflow.chat.tokenUsage": json({ input_tokens: 9, output_tokens: 2, total_tokens: 11 }),
      "mlflow.llm.cost": json({ total_cost: 0.5 }),
      "mlflow.trace.session": '"s5"',
    },
    expected: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
      "gen_ai.response.id": "chatcmpl-2",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.request.temperature": 0,
      "gen_ai.usage.input_tokens": 9,
      "gen_ai.usage.output_tokens": 2,
      "gen_ai.usage.cost.amount": 0.5,
      "gen_ai.conversation.id": "s5",
      "gen_ai.input.messages": said("Hi"),
      "gen_ai.output.messages": [{ ...said("Hello", "assistant")[0], finish_reason: "stop" }],
    },
    gone: ["mlflow.spanInputs", "mlflow.spanOutputs"],
  },
  "MLflow: a retriever": {
    attributes: {
      "mlflow.spanType": '"RETRIEVER"',
      "mlflow.spanInputs": json({ query: "span?" }),
      "mlflow.spanOutputs": json([{ page_content: "A span", metadata: { p: 1 }, id: "d1" }]),
    },
    expected: {
      "gen_ai.operation.name": "retrieval",
      "gen_ai.retrieval.query.text": "span?",
      "gen_ai.retrieval.documents": [{ id: "d1", content: "A span", metadata: { p: 1 } }],
    },
  },
  "OpenLIT: chat": {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.request.is_stream": true,
      "gen_ai.server.time_to_first_token": 0.4,
      "gen_ai.usage.input_tokens": 9,
      "gen_ai.usage.cost": 0.001,
      "gen_ai.usage.completion_tokens_details.reasoning": 3,
      "gen_ai.usage.prompt_tokens_details.cache_read": 4,
      "gen_ai.response.finish_reasons": ["tool_calls"],
    },
    expected: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.stream": true,
      "gen_ai.response.time_to_first_chunk": 0.4,
      "gen_ai.usage.reasoning.output_tokens": 3,
      "gen_ai.usage.cache_read.input_tokens": 4,
      "gen_ai.usage.cost.amount": 0.001,
      "gen_ai.response.finish_reasons": ["tool_call"],
    },
  },
  "OpenLIT: a vector store's operation": {
    attributes: {
      "gen_ai.operation.name": "vectordb",
      "gen_ai.sdk.version": "1",
      "db.n_results": 4,
    },
    expected: { "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.top_k": 4 },
  },
  "Pydantic AI: an agent run has sums": {
    attributes: {
      model_name: "gpt-4o",
      agent_name: "support",
      final_result: "Hello",
      "gen_ai.usage.input_tokens": 900,
      "pydantic_ai.all_messages": json([
        { role: "user", parts: [{ type: "text", content: "Hi" }] },
      ]),
    },
    expected: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "support",
      "gen_ai.input.messages": said("Hi"),
      "gen_ai.output.messages": said("Hello", "assistant"),
    },
    gone: ["pydantic_ai.all_messages", "final_result"],
  },
  "Pydantic AI: a model request": {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.system": "google-gla",
      "gen_ai.request.model": "gemini-2.5-flash",
      "operation.cost": 0.002,
      "gen_ai.usage.details.cache_read_tokens": 11,
      "gen_ai.usage.details.reasoning_tokens": 12,
      model_request_parameters: json({
        function_tools: [{ name: "roll", parameters_json_schema: {} }],
      }),
      events: json([
        { "event.name": "gen_ai.user.message", content: "Hi", role: "user" },
        { "event.name": "gen_ai.choice", message: { role: "assistant", content: "Hello" } },
      ]),
    },
    expected: {
      "gen_ai.usage.cost.amount": 0.002,
      "gen_ai.usage.cache_read.input_tokens": 11,
      "gen_ai.usage.reasoning.output_tokens": 12,
      "gen_ai.tool.definitions": [{ type: "function", name: "roll" }],
      "gen_ai.input.messages": said("Hi"),
      "gen_ai.output.messages": said("Hello", "assistant"),
    },
    gone: ["events"],
  },
  "LangSmith: a model run": {
    attributes: {
      "langsmith.span.kind": "llm",
      "gen_ai.operation.name": "chat",
      "gen_ai.system": "langchain",
      "langsmith.metadata.ls_provider": "openai",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.response.finish_reasons": "stop, length",
      "langsmith.usage_metadata": json({
        input_tokens: 9,
        output_tokens: 2,
        input_token_details: { cache_read: 4 },
      }),
      "gen_ai.prompt": json({
        messages: [
          [{ lc: 1, type: "constructor", id: ["m", "HumanMessage"], kwargs: { content: "Hi" } }],
        ],
      }),
      "gen_ai.completion": json({
        generations: [
          [{ text: "Hello", message: { id: ["m", "AIMessage"], kwargs: { content: "Hello" } } }],
        ],
      }),
      "langsmith.metadata.thread_id": "t1",
    },
    expected: {
      "gen_ai.provider.name": "openai",
      "gen_ai.response.finish_reasons": ["stop", "length"],
      "gen_ai.usage.input_tokens": 9,
      "gen_ai.usage.cache_read.input_tokens": 4,
      "gen_ai.input.messages": said("Hi"),
      "gen_ai.output.messages": said("Hello", "assistant"),
      "gen_ai.conversation.id": "t1",
    },
    gone: ["gen_ai.prompt", "gen_ai.completion"],
  },
  "LangSmith: prompts and retrievers are no model calls": {
    attributes: { "langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat" },
    expected: { "gen_ai.operation.name": "prompt" },
  },
  "LangSmith: a retriever calls itself embeddings": {
    attributes: {
      "langsmith.span.kind": "retriever",
      "gen_ai.operation.name": "embeddings",
      "gen_ai.prompt": json({ query: "span?" }),
    },
    expected: {
      "gen_ai.operation.name": "retrieval",
      "gen_ai.retrieval.query.text": "span?",
    },
  },
  "Azure AI: singular finish reason": {
    attributes: {
      "az.namespace": "Microsoft.CognitiveServices",
      "gen_ai.operation.name": "chat",
      "gen_ai.system": "az.ai.inference",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.response.finish_reason": "stop",
    },
    expected: {
      "gen_ai.provider.name": "azure.ai.inference",
      "gen_ai.response.finish_reasons": ["stop"],
    },
  },
  "older names": {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.system": "anthropic",
      "gen_ai.usage.prompt_tokens": 9,
      "gen_ai.usage.cache_read_input_tokens": 4,
      "gen_ai.openai.request.seed": 11,
      "gen_ai.request.messages": json([{ role: "user", content: "Hi" }]),
      "gen_ai.response.text": "Hello",
    },
    expected: {
      "gen_ai.usage.input_tokens": 9,
      "gen_ai.usage.cache_read.input_tokens": 4,
      "gen_ai.request.seed": 11,
      "gen_ai.input.messages": said("Hi"),
      "gen_ai.output.messages": said("Hello", "assistant"),
    },
  },
};

describe("dialects", () => {
  test.each(Object.entries(CASES))("%s", (_situation, { attributes, events, name, ...then }) => {
    const result = translated(attributes, events, name);
    for (const [key, value] of Object.entries(then.expected)) {
      const got = result[key];
      const isJson = typeof value === "object" && typeof got === "string";
      expect([key, isJson ? JSON.parse(got) : got]).toEqual([key, value]);
    }
    for (const key of then.gone ?? []) expect(Object.keys(result)).not.toContain(key);
  });
});

describe("what counts", () => {
  test.each<[string, Attributes]>([
    ["OpenInference agent", { "openinference.span.kind": "AGENT", "llm.token_count.prompt": 1 }],
    ["Traceloop task", { "traceloop.span.kind": "task", "gen_ai.request.model": "m" }],
    ["AI SDK streamObject", { "ai.operationId": "ai.streamObject", "ai.model.id": "m" }],
    ["AI SDK embedMany", { "ai.operationId": "ai.embedMany", "ai.usage.tokens": 4 }],
    ["Langfuse span", { "langfuse.observation.type": "span", "gen_ai.operation.name": "chat" }],
    ["MLflow chain", { "mlflow.spanType": '"CHAIN"', "mlflow.chat.tokenUsage": "{}" }],
    ["LangSmith chain", { "langsmith.span.kind": "chain", "gen_ai.usage.input_tokens": 4 }],
    ["Pydantic AI run", { "pydantic_ai.all_messages": "[]", "gen_ai.usage.input_tokens": 4 }],
  ])("%s surrounds model calls", (_situation, attributes) => {
    const operation = translated(attributes)["gen_ai.operation.name"];
    expect(operation).toEqual(expect.any(String));
    expect(MODEL_OPERATIONS.has(operation as string)).toBe(false);
  });
});

describe("prompt hash", () => {
  const request = {
    "openinference.span.kind": "LLM",
    "llm.invocation_parameters": json({ model: "gpt-4o", seed: 1 }),
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "Hi",
  };
  const hash = (attributes: Attributes): unknown => translated(attributes)["assay.prompt.hash"];

  test("of equal requests is equal, of others another", () => {
    expect(hash(request)).toMatch(/^[0-9a-f]{32}$/);
    expect(hash({ ...request, "llm.token_count.prompt": 5 })).toBe(hash(request));
    expect(hash({ ...request, "llm.input_messages.0.message.content": "Ho" })).not.toBe(
      hash(request),
    );
    expect(
      hash({ ...request, "llm.invocation_parameters": json({ model: "gpt-4o", seed: 2 }) }),
    ).not.toBe(hash(request));
  });

  test("that the span brings stays; without messages there is none", () => {
    expect(hash({ ...request, "assay.prompt.hash": "abc" })).toBe("abc");
    expect(hash({ "openinference.span.kind": "LLM", "llm.model_name": "m" })).toBeUndefined();
  });
});

describe("keys", () => {
  test.each([
    "openinference.span.kind",
    "llm.input_messages.3.message.content",
    "gen_ai.prompt.0.role",
    "ai.operationId",
    "langfuse.trace.name",
    "mlflow.spanType",
    "traceloop.entity.name",
    "langsmith.span.kind",
    "gen_ai.response.finish_reason",
  ])("%s is foreign", (key) => expect(isForeignKey(key)).toBe(true));

  test.each([
    "gen_ai.operation.name",
    "gen_ai.prompt.name",
    "gen_ai.input.messages",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "assay.prompt.hash",
    "session.id",
    "http.route",
    "toString",
  ])("%s is not", (key) => expect(isForeignKey(key)).toBe(false));
});

describe("hostile spans", () => {
  test("a span of our own stays as it is", () => {
    const bytes = spanBytes({ "gen_ai.operation.name": "chat", "gen_ai.request.model": "m" });
    expect(translate(bytes, 0, bytes.length)).toBeUndefined();
  });

  test("bytes that are no span are counted, not thrown", () => {
    const bytes = Buffer.from([0x4a, 0x7f, 0x01]);
    const before = translateStats().failed;
    expect(translate(bytes, 0, bytes.length)).toBeUndefined();
    expect(translateStats().failed).toBe(before + 1);
  });

  test("every cut of a span is refused or read, never thrown", () => {
    const { attributes, events } = CASES["OpenInference: chat with a tool call"]!;
    const bytes = spanBytes(attributes, events);
    for (let end = 0; end < bytes.length; end += 3) translate(bytes, 0, end);
  });

  test.each<[string, Attributes]>([
    ["index", { "gen_ai.prompt.0.content": "a", "gen_ai.prompt.999999999.content": "b" }],
    ["prototype", { "gen_ai.prompt.0.content": "a", "gen_ai.prompt.0.__proto__.x": "b" }],
    ["depth", { "gen_ai.prompt.0.content": "a", [`gen_ai.prompt.0${".x".repeat(5000)}`]: "b" }],
    ["value and family", { "gen_ai.prompt.0.content": "a", "gen_ai.prompt.0": "b" }],
  ])("%s", (_situation, attributes) => {
    const result = translated(attributes);
    expect(JSON.parse(result["gen_ai.input.messages"] as string)).toEqual(said("a"));
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test.each<[string, Attributes]>([
    ["tokens", { "llm.token_count.prompt": -1.5, "openinference.span.kind": "LLM" }],
    ["JSON", { "openinference.span.kind": "LLM", "llm.invocation_parameters": "{broken" }],
    [
      "usage",
      { "langfuse.observation.type": "generation", "langfuse.observation.usage_details": "[1" },
    ],
    ["deep JSON", { "mlflow.spanType": '"LLM"', "mlflow.spanInputs": "[".repeat(100_000) }],
  ])("malformed %s say nothing", (_situation, attributes) => {
    expect(translated(attributes)).not.toHaveProperty(["gen_ai.usage.input_tokens"]);
  });

  test("10,000 messages take no quadratic time", () => {
    const attributes: Record<string, string> = { "openinference.span.kind": "LLM" };
    for (let index = 0; index < 10_000; index++)
      attributes[`llm.input_messages.${index}.message.content`] = "text";
    const started = process.cpuUsage();
    const result = translated(attributes);
    const { user } = process.cpuUsage(started);
    expect(JSON.parse(result["gen_ai.input.messages"] as string)).toHaveLength(1000);
    expect(user).toBeLessThan(1_500_000);
  });

  test("fields that nobody knows survive", () => {
    const known = spanBytes({ "openinference.span.kind": "LLM" });
    const unknown = Buffer.from([0xfa, 0x06, 0x03, 1, 2, 3]); // field 111
    const bytes = Buffer.concat([known, unknown]);
    const result = translate(bytes, 0, bytes.length)!;
    expect(Buffer.from(result).includes(unknown)).toBe(true);
  });
});
