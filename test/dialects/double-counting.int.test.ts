/**
 * No token is counted twice: what providers said a call used, in the words of every dialect, under agent and framework spans
 * that repeat it, comes out as one model call with the provider's numbers, each in one bucket.
 */
import { bucketsOf, loadPriceBook } from "@assay/instrumentation/pricing";
import { expect, test } from "vitest";
import { isForeignKey, translate } from "../../collector/dialects/translate.ts";
import { createEncoder } from "../../collector/encode/encoder.ts";
import { readBlock, type Row } from "../../collector/encode/native-reading.ts";
import {
  double,
  fixed64,
  int,
  keyValue,
  request,
  span,
  text,
} from "../../collector/otlp/testing.ts";
import { validateTraces } from "../../collector/otlp/validate.ts";
import { DOCUMENTED, type ProviderUsage, recordedUsages } from "./provider-usage.ts";

const NOW = Date.UTC(2026, 8, 1);
const book = loadPriceBook();
const recorded = recordedUsages();

type Value = string | number;
type Attributes = Record<string, Value>;

interface Telling {
  /** The call itself. */
  leaf: (usage: ProviderUsage) => Attributes;
  /** What is around it, the innermost last, with the usage that such spans repeat or sum up. */
  around: (usage: ProviderUsage) => Attributes[];
}

const json = (value: unknown): string => JSON.stringify(value);
const inclusive = (usage: ProviderUsage): number =>
  usage.input + usage.cacheRead + usage.cacheWrite;
const all = (usage: ProviderUsage): number => usage.output + usage.reasoning;
const named = ({ provider, model }: ProviderUsage): Attributes => ({
  "gen_ai.provider.name": provider,
  "gen_ai.request.model": model,
});
const totals = (usage: ProviderUsage): Attributes => ({
  "gen_ai.usage.input_tokens": inclusive(usage),
  "gen_ai.usage.output_tokens": all(usage),
});

const TELLINGS: Record<string, Telling> = {
  "Assay and the conventions": {
    leaf: (usage) => ({
      "gen_ai.operation.name": "chat",
      ...named(usage),
      ...totals(usage),
      "gen_ai.usage.cache_read.input_tokens": usage.cacheRead,
      "gen_ai.usage.cache_write.input_tokens": usage.cacheWrite,
      "gen_ai.usage.cache_creation.input_tokens": usage.cacheWrite,
      "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
    }),
    around: (usage) => [
      { "gen_ai.operation.name": "invoke_workflow", ...totals(usage) },
      { "gen_ai.operation.name": "invoke_agent", ...named(usage), ...totals(usage) },
    ],
  },
  "the older conventions, as the provider counts": {
    leaf: (usage) => ({
      "gen_ai.operation.name": "chat",
      "gen_ai.system": usage.provider,
      "gen_ai.request.model": usage.model,
      "gen_ai.usage.prompt_tokens": usage.rawInput,
      "gen_ai.usage.completion_tokens": usage.rawOutput,
      "gen_ai.usage.cache_read_input_tokens": usage.cacheRead,
      "gen_ai.usage.cache_creation_input_tokens": usage.cacheWrite,
      "gen_ai.usage.reasoning_tokens": usage.reasoning,
      "gen_ai.usage.total_tokens": usage.total,
    }),
    around: (usage) => [{ "gen_ai.operation.name": "invoke_agent", ...totals(usage) }],
  },
  OpenInference: {
    leaf: (usage) => ({
      "openinference.span.kind": "LLM",
      "llm.provider": usage.provider,
      "llm.model_name": usage.model,
      "llm.token_count.prompt": inclusive(usage),
      "llm.token_count.completion": all(usage),
      "llm.token_count.total": usage.total,
      "llm.token_count.prompt_details.cache_read": usage.cacheRead,
      "llm.token_count.prompt_details.cache_write": usage.cacheWrite,
      "llm.token_count.completion_details.reasoning": usage.reasoning,
    }),
    around: (usage) =>
      ["CHAIN", "AGENT"].map((kind) => ({
        "openinference.span.kind": kind,
        "llm.model_name": usage.model,
        "llm.token_count.prompt": inclusive(usage),
        "llm.token_count.completion": all(usage),
        "llm.token_count.total": usage.total,
      })),
  },
  "OpenLLMetry, as the provider counts": {
    leaf: (usage) => ({
      "llm.request.type": "chat",
      "gen_ai.system": usage.provider,
      "gen_ai.request.model": usage.model,
      "gen_ai.usage.input_tokens": usage.rawInput,
      "gen_ai.usage.output_tokens": usage.rawOutput,
      "gen_ai.usage.cache_read_input_tokens": usage.cacheRead,
      "gen_ai.usage.cache_creation_input_tokens": usage.cacheWrite,
      "gen_ai.usage.reasoning_tokens": usage.reasoning,
      "llm.usage.total_tokens": usage.total,
    }),
    around: (usage) =>
      ["workflow", "agent", "task"].map((kind) => ({
        "traceloop.span.kind": kind,
        "gen_ai.request.model": usage.model,
        ...totals(usage),
      })),
  },
  "AI SDK 5": {
    leaf: (usage) => ({
      "ai.operationId": "ai.generateText.doGenerate",
      "ai.model.provider": usage.provider === "aws.bedrock" ? "anthropic.bedrock" : usage.provider,
      "gen_ai.provider.name": usage.provider,
      "ai.model.id": usage.model,
      "ai.usage.inputTokens": usage.rawInput,
      "ai.usage.outputTokens": all(usage),
      "ai.usage.cachedInputTokens": usage.cacheRead,
      "ai.usage.reasoningTokens": usage.reasoning,
      "ai.response.providerMetadata": json({
        anthropic: { cacheCreationInputTokens: usage.cacheWrite, usage: {} },
      }),
    }),
    around: (usage) => [
      {
        "ai.operationId": "ai.generateText",
        "ai.model.id": usage.model,
        "ai.usage.inputTokens": usage.rawInput,
        "ai.usage.outputTokens": all(usage),
      },
    ],
  },
  "AI SDK 6": {
    leaf: (usage) => ({
      "ai.operationId": "ai.streamText.doStream",
      "gen_ai.provider.name": usage.provider,
      "ai.model.id": usage.model,
      "ai.usage.inputTokens": inclusive(usage),
      "ai.usage.outputTokens": all(usage),
      "ai.usage.totalTokens": usage.total,
      "ai.usage.inputTokenDetails.noCacheTokens": usage.input,
      "ai.usage.inputTokenDetails.cacheReadTokens": usage.cacheRead,
      "ai.usage.inputTokenDetails.cacheWriteTokens": usage.cacheWrite,
      "ai.usage.outputTokenDetails.reasoningTokens": usage.reasoning,
    }),
    around: (usage) => [
      {
        "ai.operationId": "ai.streamText",
        "ai.model.id": usage.model,
        "ai.usage.inputTokens": inclusive(usage),
        "ai.usage.outputTokens": all(usage),
        "ai.usage.totalTokens": usage.total,
      },
    ],
  },
  Langfuse: {
    leaf: (usage) => ({
      "langfuse.observation.type": "generation",
      "gen_ai.provider.name": usage.provider,
      "langfuse.observation.model.name": usage.model,
      "langfuse.observation.usage_details": json({
        input: usage.input,
        input_cached_tokens: usage.cacheRead,
        input_cache_creation: usage.cacheWrite,
        output: usage.output,
        output_reasoning_tokens: usage.reasoning,
        total: usage.total,
      }),
    }),
    around: (usage) =>
      ["span", "agent", "chain"].map((type) => ({
        "langfuse.observation.type": type,
        "langfuse.observation.model.name": usage.model,
        "langfuse.observation.usage_details": json({ input: inclusive(usage), output: all(usage) }),
      })),
  },
  MLflow: {
    leaf: (usage) => ({
      "mlflow.spanType": json("CHAT_MODEL"),
      "mlflow.llm.provider": json(usage.provider),
      "mlflow.llm.model": json(usage.model),
      "mlflow.chat.tokenUsage": json({
        input_tokens: inclusive(usage),
        output_tokens: all(usage),
        total_tokens: usage.total,
        cache_read_input_tokens: usage.cacheRead,
        cache_creation_input_tokens: usage.cacheWrite,
      }),
      "mlflow.spanOutputs": json({
        usage: { completion_tokens_details: { reasoning_tokens: usage.reasoning } },
      }),
    }),
    around: (usage) =>
      ["CHAIN", "AGENT"].map((type) => ({
        "mlflow.spanType": json(type),
        "mlflow.chat.tokenUsage": json({
          input_tokens: inclusive(usage),
          output_tokens: all(usage),
          total_tokens: usage.total,
        }),
      })),
  },
  OpenLIT: {
    leaf: (usage) => ({
      "gen_ai.operation.name": "chat",
      "gen_ai.sdk.version": "1",
      ...named(usage),
      ...totals(usage),
      "gen_ai.usage.total_tokens": usage.total,
      "gen_ai.usage.prompt_tokens_details.cache_read": usage.cacheRead,
      "gen_ai.usage.prompt_tokens_details.cache_write": usage.cacheWrite,
      "gen_ai.usage.completion_tokens_details.reasoning": usage.reasoning,
    }),
    around: (usage) => [
      {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.sdk.version": "1",
        ...named(usage),
        ...totals(usage),
      },
    ],
  },
  "Pydantic AI": {
    leaf: (usage) => ({
      "gen_ai.operation.name": "chat",
      model_request_parameters: "{}",
      ...named(usage),
      ...totals(usage),
      "gen_ai.usage.details.cache_read_tokens": usage.cacheRead,
      "gen_ai.usage.details.cache_write_tokens": usage.cacheWrite,
      "gen_ai.usage.details.reasoning_tokens": usage.reasoning,
    }),
    around: (usage) => [
      { model_name: usage.model, agent_name: "a", final_result: "x", ...totals(usage) },
      {
        model_name: usage.model,
        "pydantic_ai.all_messages": "[]",
        "gen_ai.aggregated_usage.input_tokens": inclusive(usage),
        "gen_ai.aggregated_usage.output_tokens": all(usage),
      },
    ],
  },
  "Azure AI, Semantic Kernel": {
    leaf: (usage) => ({
      "gen_ai.operation.name": "chat",
      "az.namespace": "Microsoft.CognitiveServices",
      "gen_ai.system": usage.provider,
      "gen_ai.request.model": usage.model,
      ...totals(usage),
      "gen_ai.usage.cache_read.input_tokens": usage.cacheRead,
      "gen_ai.usage.cache_creation.input_tokens": usage.cacheWrite,
      "gen_ai.usage.reasoning.output_tokens": usage.reasoning,
    }),
    around: (usage) => [
      {
        "gen_ai.operation.name": "invoke_agent",
        "az.namespace": "Microsoft.CognitiveServices",
        "gen_ai.request.model": usage.model,
        ...totals(usage),
      },
    ],
  },
  LangSmith: {
    leaf: (usage) => ({
      "langsmith.span.kind": "llm",
      "langsmith.metadata.ls_provider": usage.provider,
      "gen_ai.provider.name": usage.provider,
      "langsmith.metadata.ls_model_name": usage.model,
      "langsmith.usage_metadata": json({
        input_tokens: inclusive(usage),
        output_tokens: all(usage),
        total_tokens: usage.total,
        input_token_details: { cache_read: usage.cacheRead, cache_creation: usage.cacheWrite },
        output_token_details: { reasoning: usage.reasoning },
      }),
    }),
    around: (usage) => [
      {
        "langsmith.span.kind": "chain",
        "langsmith.metadata.ls_model_name": usage.model,
        ...totals(usage),
        "langsmith.usage_metadata": json({
          input_tokens: inclusive(usage),
          output_tokens: all(usage),
        }),
      },
    ],
  },
};

function field(key: string, value: Value) {
  if (typeof value === "string") return keyValue(9, key, text(1, value));
  return keyValue(9, key, Number.isInteger(value) ? int(3, value) : double(4, value));
}

/** A chain of spans, each the parent of the next. */
function stored(chain: readonly Attributes[]): Row[] {
  const spans = chain.map((attributes, depth) =>
    span(
      text(2, Buffer.alloc(8, depth + 1)),
      ...(depth === 0 ? [] : [text(4, Buffer.alloc(8, depth))]),
      fixed64(7, BigInt(NOW) * 1_000_000n),
      fixed64(8, BigInt(NOW + 1000) * 1_000_000n),
      ...Object.entries(attributes).map(([key, value]) => field(key, value)),
    ),
  );
  const encoder = createEncoder({
    priceBook: book,
    collectorId: "test",
    maxSpanAgeMs: 7 * 86_400_000,
    dialects: { isForeignKey, translate },
  });
  const body = request(...spans);
  const { spanCount, rejected } = validateTraces(body);
  encoder.append({
    seq: 1,
    body,
    spanCount,
    rejected,
    receivedAtUnixMs: NOW + 2000,
    signal: "traces",
  });
  return readBlock(encoder.finish(1));
}

/** Bucket by bucket, without the code that makes buckets. */
function costOf(usage: ProviderUsage): bigint | null {
  const price = book.resolve(usage.provider, usage.model, NOW);
  if (price === undefined) return null;
  const entry = price.entries.findLast((one) => inclusive(usage) > one.aboveInputTokens)!;
  const { input, cacheRead, cacheWrite, output, reasoning } = entry.microPicoUsd;
  const sum =
    BigInt(usage.input) * input +
    BigInt(usage.cacheRead) * cacheRead +
    BigInt(usage.cacheWrite) * cacheWrite +
    BigInt(usage.output) * output +
    BigInt(usage.reasoning) * reasoning;
  return (sum + 500_000n) / 1_000_000n;
}

function expectOnce(usage: ProviderUsage, { leaf, around }: Telling): void {
  const rows = stored([...around(usage), leaf(usage)]);
  const calls = rows.filter((row) => row["is_model_call"]);
  expect(calls, "one model call").toHaveLength(1);
  const call = calls[0]!;
  expect(call).toMatchObject({
    input_tokens: inclusive(usage),
    output_tokens: all(usage),
    cache_read_tokens: usage.cacheRead,
    cache_write_tokens: usage.cacheWrite,
    reasoning_tokens: usage.reasoning,
  });
  expect(rows.filter((row) => row["cost"] !== null).length).toBeLessThanOrEqual(1);
  const buckets = bucketsOf({
    inputTokens: Number(call["input_tokens"]),
    outputTokens: Number(call["output_tokens"]),
    cacheReadTokens: Number(call["cache_read_tokens"]),
    cacheWriteTokens: Number(call["cache_write_tokens"]),
    reasoningTokens: Number(call["reasoning_tokens"]),
  });
  const { input, cacheRead, cacheWrite, output, reasoning } = usage;
  expect(buckets).toMatchObject({ input, cacheRead, cacheWrite, output, reasoning });
  expect(Object.values(buckets).reduce((sum, tokens) => sum + tokens, 0)).toBe(
    inclusive(usage) + all(usage),
  );
  expect(call["cost"]).toBe(costOf(usage));
}

test.each(
  Object.entries(TELLINGS).flatMap(([name, telling]) =>
    DOCUMENTED.map((usage) => [name, usage.name, usage, telling] as const),
  ),
)("%s: %s", (_dialect, _call, usage, telling) => expectOnce(usage, telling));

test.runIf(recorded.length > 0).each(Object.entries(TELLINGS))(
  "%s: every recorded answer",
  (_dialect, telling) => {
    for (const usage of recorded) {
      try {
        expectOnce(usage, telling);
      } catch (error) {
        throw new Error(usage.name, { cause: error });
      }
    }
  },
);

test.runIf(recorded.length > 0)("the recordings are of all three providers, some cached", () => {
  expect(new Set(recorded.map(({ provider }) => provider)).size).toBe(3);
  expect(recorded.length).toBeGreaterThan(15);
  expect(recorded.some(({ cacheRead, cacheWrite }) => cacheRead > 0 && cacheWrite > 0)).toBe(true);
});
