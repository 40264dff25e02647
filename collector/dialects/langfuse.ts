/** Langfuse's SDKs, 3 and later. Its usage is in exclusive buckets: a total is the sum of its kind. */
import { ATTR } from "@assay/instrumentation/conventions";
import {
  AGENT,
  CHAT,
  type Dialect,
  EMBEDDINGS,
  json,
  onKind,
  RETRIEVAL,
  type Source,
  TASK,
  TOOL,
  WORKFLOW,
} from "./dialect.ts";
import type { ForeignSpan } from "./foreign-span.ts";
import { fields, number, parsed } from "./value.ts";

const KIND = "langfuse.observation.type";
const USAGE = "langfuse.observation.usage_details";
const PARAMETERS = "langfuse.observation.model.parameters";
const WITH_MESSAGES = [
  "span",
  "generation",
  "embedding",
  "agent",
  "chain",
  "guardrail",
  "evaluator",
  "event",
];

const isInput = (bucket: string): boolean => /^(input|prompt|cache)/.test(bucket);
const isOutput = (bucket: string): boolean => /^(output|completion|reasoning)/.test(bucket);

/**
 * All buckets of one kind. Users' own code may have put totals in `input` and `output`: then these two alone make up
 * the total.
 */
function total(ofKind: (bucket: string) => boolean, main: string): Source {
  return (span) => {
    const usage = fields(parsed(span.get(USAGE)));
    if (usage === undefined) return undefined;
    const mains = (number(usage["input"]) ?? 0) + (number(usage["output"]) ?? 0);
    if (usage["total"] !== undefined && number(usage["total"]) === mains) return usage[main];
    const buckets = Object.keys(usage).filter(ofKind);
    if (buckets.length === 0) return undefined;
    return buckets.reduce((sum, bucket) => sum + (number(usage[bucket]) ?? 0), 0);
  };
}

/** The first of these buckets, or the sum of those that begin with it (`input_cache_creation_5m`, `…_1h`). */
function bucket(...names: string[]): Source {
  return (span) => {
    const usage = fields(parsed(span.get(USAGE)));
    for (const name of names) {
      const found = Object.keys(usage ?? {}).filter(
        (key) => key === name || key === `${name}_5m` || key === `${name}_1h`,
      );
      if (found.length > 0) return found.reduce((sum, key) => sum + (number(usage?.[key]) ?? 0), 0);
    }
    return undefined;
  };
}

function totalCost(span: ForeignSpan): unknown {
  const costs = fields(parsed(span.get("langfuse.observation.cost_details")));
  if (costs === undefined) return undefined;
  if (costs["total"] !== undefined) return costs["total"];
  const amounts = Object.values(costs).map((cost) => number(cost) ?? 0);
  return amounts.length > 0 ? amounts.reduce((sum, cost) => sum + cost, 0) : undefined;
}

/** ISO time, sometimes in quotes. */
function firstChunk(span: ForeignSpan): number | undefined {
  const said = span.text("langfuse.observation.completion_start_time")?.replaceAll('"', "");
  const unixMs = said === undefined ? Number.NaN : Date.parse(said);
  if (Number.isNaN(unixMs)) return undefined;
  return span.secondsAfterStart(BigInt(unixMs) * 1_000_000n);
}

/** Its OpenAI wrapper calls everything a generation, embeddings too. */
function kindOf(span: ForeignSpan): unknown {
  const kind = span.get(KIND);
  const model = span.text("langfuse.observation.model.name") ?? "";
  return kind === "generation" && /embed/i.test(model) ? "embedding" : kind;
}

export const langfuse: Dialect = {
  name: "Langfuse",
  keys: [],
  prefixes: ["langfuse."],
  kind: {
    source: kindOf,
    operations: {
      generation: CHAT,
      embedding: EMBEDDINGS,
      agent: AGENT,
      tool: TOOL,
      chain: WORKFLOW,
      retriever: RETRIEVAL,
      guardrail: "run_guardrail",
      evaluator: "evaluate",
      span: TASK,
      event: "event",
    },
  },
  attributes: {
    [ATTR.requestModel]: ["langfuse.observation.model.name"],
    [ATTR.responseModel]: ["langfuse.observation.model.name"],
    [ATTR.inputTokens]: [total(isInput, "input")],
    [ATTR.outputTokens]: [total(isOutput, "output")],
    [ATTR.cacheReadTokens]: [
      bucket("input_cached_tokens", "cache_read_input_tokens", "input_cache_read"),
    ],
    [ATTR.cacheWriteTokens]: [bucket("input_cache_creation", "cache_creation_input_tokens")],
    [ATTR.assayCacheWrite1hTokens]: [json(USAGE, "input_cache_creation_1h")],
    [ATTR.reasoningTokens]: [bucket("output_reasoning_tokens", "output_reasoning")],
    [ATTR.audioInputTokens]: [bucket("input_audio_tokens", "input_audio")],
    [ATTR.audioOutputTokens]: [bucket("output_audio_tokens", "output_audio")],
    [ATTR.costAmount]: [totalCost],
    [ATTR.requestTemperature]: [json(PARAMETERS, "temperature")],
    [ATTR.requestTopP]: [json(PARAMETERS, "top_p"), json(PARAMETERS, "topP")],
    [ATTR.requestSeed]: [json(PARAMETERS, "seed")],
    [ATTR.requestMaxTokens]: [
      json(PARAMETERS, "max_completion_tokens"),
      json(PARAMETERS, "max_tokens"),
      json(PARAMETERS, "maxTokens"),
    ],
    [ATTR.responseTimeToFirstChunk]: [firstChunk],
    [ATTR.inputMessages]: [onKind(KIND, WITH_MESSAGES, "langfuse.observation.input")],
    [ATTR.outputMessages]: [onKind(KIND, WITH_MESSAGES, "langfuse.observation.output")],
    [ATTR.toolDefinitions]: [
      onKind(KIND, ["generation"], json("langfuse.observation.input", "tools")),
    ],
    [ATTR.toolName]: [onKind(KIND, ["tool"], (span) => span.name)],
    [ATTR.toolCallArguments]: [onKind(KIND, ["tool"], "langfuse.observation.input")],
    [ATTR.toolCallResult]: [onKind(KIND, ["tool"], "langfuse.observation.output")],
    [ATTR.retrievalQuery]: [onKind(KIND, ["retriever"], "langfuse.observation.input")],
    [ATTR.retrievalDocuments]: [onKind(KIND, ["retriever"], "langfuse.observation.output")],
    [ATTR.conversationId]: ["session.id", "langfuse.session.id"],
    [ATTR.userId]: ["langfuse.user.id"],
    [ATTR.deploymentEnvironment]: ["langfuse.environment"],
    [ATTR.assayRelease]: ["langfuse.release"],
    [ATTR.promptName]: ["langfuse.observation.prompt.name"],
    [ATTR.promptVersion]: ["langfuse.observation.prompt.version"],
  },
  input: ["langfuse.observation.input"],
  output: ["langfuse.observation.output"],
};
