/**
 * Attribute and metric names that instrumentation writes and the collector reads.
 *
 * Source: OpenTelemetry GenAI semantic conventions 1.41.1 and, where they do not clash, the newer names of
 * semantic-conventions-genai. Where a name changed between the two, both are written and both are read.
 * Names of our own begin with `assay.`.
 */
export const CONVENTIONS_VERSION = "1.41.1";
export const SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.1";

/** The instrumentation scope of our spans and metrics. */
export const SCOPE_NAME = "@assay/instrumentation";
export const SCOPE_VERSION = "0.1.0";

/** Histograms. */
export const METRIC = {
  /** Seconds. */
  operationDuration: "gen_ai.client.operation.duration",
  /** Seconds, of streams. */
  timeToFirstChunk: "gen_ai.client.operation.time_to_first_chunk",
  /** By `gen_ai.token.type`: input or output. */
  tokenUsage: "gen_ai.client.token.usage",
} as const;

export const ATTR = {
  operationName: "gen_ai.operation.name",
  providerName: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  requestTemperature: "gen_ai.request.temperature",
  requestTopP: "gen_ai.request.top_p",
  requestSeed: "gen_ai.request.seed",
  requestMaxTokens: "gen_ai.request.max_tokens",
  requestFrequencyPenalty: "gen_ai.request.frequency_penalty",
  requestPresencePenalty: "gen_ai.request.presence_penalty",
  requestStopSequences: "gen_ai.request.stop_sequences",
  requestChoiceCount: "gen_ai.request.choice.count",
  requestStream: "gen_ai.request.stream",
  requestEncodingFormats: "gen_ai.request.encoding_formats",
  requestReasoningLevel: "gen_ai.request.reasoning.level",
  requestPreviousResponseId: "gen_ai.request.previous_response.id",
  responseId: "gen_ai.response.id",
  responseModel: "gen_ai.response.model",
  responseFinishReasons: "gen_ai.response.finish_reasons",
  /** Seconds, double. */
  responseTimeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  outputType: "gen_ai.output.type",
  embeddingsDimensionCount: "gen_ai.embeddings.dimension.count",
  /** All of the input, cached tokens included. */
  inputTokens: "gen_ai.usage.input_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheWriteTokens: "gen_ai.usage.cache_write.input_tokens",
  /** The 1.40–1.41 name of `cacheWriteTokens`. */
  cacheCreationTokens: "gen_ai.usage.cache_creation.input_tokens",
  /** All of the output, reasoning tokens included. */
  outputTokens: "gen_ai.usage.output_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  audioInputTokens: "gen_ai.usage.audio.input_tokens",
  audioOutputTokens: "gen_ai.usage.audio.output_tokens",
  /** Not of the conventions, but what many senders say: input and output. */
  totalTokens: "gen_ai.usage.total_tokens",
  /** Double. Proposed upstream; the exact value is `assayCostExact`. */
  costAmount: "gen_ai.usage.cost.amount",
  /** ISO 4217. */
  costCurrency: "gen_ai.usage.cost.currency",
  /** `provider` or `local`. */
  costSource: "gen_ai.usage.cost.source",
  systemInstructions: "gen_ai.system_instructions",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
  toolDefinitions: "gen_ai.tool.definitions",
  /** Of the metric of tokens. */
  tokenType: "gen_ai.token.type",
  toolName: "gen_ai.tool.name",
  toolType: "gen_ai.tool.type",
  toolDescription: "gen_ai.tool.description",
  toolCallId: "gen_ai.tool.call.id",
  toolCallArguments: "gen_ai.tool.call.arguments",
  toolCallResult: "gen_ai.tool.call.result",
  workflowName: "gen_ai.workflow.name",
  agentName: "gen_ai.agent.name",
  agentId: "gen_ai.agent.id",
  agentDescription: "gen_ai.agent.description",
  agentVersion: "gen_ai.agent.version",
  mcpMethodName: "mcp.method.name",
  mcpResourceUri: "mcp.resource.uri",
  mcpSessionId: "mcp.session.id",
  dataSourceId: "gen_ai.data_source.id",
  retrievalTopK: "gen_ai.retrieval.top_k",
  /** The 1.41 name of `retrievalTopK` on retrieval spans. */
  requestTopK: "gen_ai.request.top_k",
  retrievalQuery: "gen_ai.retrieval.query.text",
  retrievalDocuments: "gen_ai.retrieval.documents",
  /** Of the store that is searched: a namespace, a database. */
  dbNamespace: "db.namespace",
  dbSystemName: "db.system.name",
  dbQueryText: "db.query.text",
  conversationId: "gen_ai.conversation.id",
  promptName: "gen_ai.prompt.name",
  promptVersion: "gen_ai.prompt.version",
  userId: "user.id",
  sessionId: "session.id",
  serverAddress: "server.address",
  serverPort: "server.port",
  errorType: "error.type",
  serviceName: "service.name",
  serviceNamespace: "service.namespace",
  serviceVersion: "service.version",
  deploymentEnvironment: "deployment.environment.name",
  cloudRegion: "cloud.region",
  openaiApiType: "openai.api.type",
  openaiRequestServiceTier: "openai.request.service_tier",
  openaiResponseServiceTier: "openai.response.service_tier",
  openaiSystemFingerprint: "openai.response.system_fingerprint",
  assayProject: "assay.project",
  assayRelease: "assay.release",
  /** What a right answer to the question says: content. */
  assayReference: "assay.reference",
  assayRegion: "assay.region",
  /** Exact decimal string, USD. */
  assayCostExact: "assay.cost.amount_exact",
  assayPriceId: "assay.cost.price_id",
  assayPromptHash: "assay.prompt.hash",
  /** true when token counts were estimated because the provider sent none. */
  assayUsageEstimated: "assay.usage.estimated",
  /** Of the cache writes: those kept for an hour. The conventions have no name for it, nor for those below. */
  assayCacheWrite1hTokens: "assay.usage.cache_write_1h.input_tokens",
  /** Of the cache reads and of the audio input. */
  assayCacheReadAudioTokens: "assay.usage.cache_read_audio.input_tokens",
  assayImageInputTokens: "assay.usage.image.input_tokens",
  assayImageOutputTokens: "assay.usage.image.output_tokens",
  /** Searches that the provider ran for the model and charges by the piece. */
  assayWebSearches: "assay.usage.web_searches",
  assayFileSearches: "assay.usage.file_searches",
  /** As the provider calls it, where it has no name of the conventions: `batch`, `flex`, `priority`. */
  assayServiceTier: "assay.service_tier",
  assayDocumentCount: "assay.retrieval.document_count",
  assayStreamAbandoned: "assay.stream.abandoned",
  assayContentDropped: "assay.content.dropped",
  assayRedactions: "assay.content.redactions",
  /** Parts of the content that were cut to the size limits. */
  assayContentTruncated: "assay.content.truncated",
  guardrailName: "assay.guardrail.name",
  /** The check of a guard: `pii`, `secrets`, … */
  guardrailCheck: "assay.guardrail.check",
  guardrailVersion: "assay.guardrail.version",
  /** `input`, `prompt`, `context`, `tool_call`, `tool_result` or `output`. */
  guardrailStage: "assay.guardrail.stage",
  /** `pass`, `warn`, `redact`, `block` or `fallback`; on a span the strongest of its results. */
  guardrailAction: "assay.guardrail.action",
  guardrailMatchTypes: "assay.guardrail.match_types",
  guardrailMatchCount: "assay.guardrail.match_count",
  /** Milliseconds, double. */
  guardrailLatencyMs: "assay.guardrail.latency_ms",
  /** 0 to 1, where a check estimates it. */
  guardrailRisk: "assay.guardrail.risk",
  /** Never the text that was found. */
  guardrailReason: "assay.guardrail.reason",
  /** Why the check itself failed: `timeout`, or the class of its error. */
  guardrailError: "assay.guardrail.error",
  guardrailBlocked: "assay.guardrail.blocked",
  evaluationName: "gen_ai.evaluation.name",
  evaluationScoreValue: "gen_ai.evaluation.score.value",
  evaluationScoreLabel: "gen_ai.evaluation.score.label",
  evaluationExplanation: "gen_ai.evaluation.explanation",
  /** Who gave the score. */
  evaluatorName: "gen_ai.evaluator.name",
  /** `user`, `human` or `code`. */
  evaluationSource: "assay.evaluation.source",
} as const;

/**
 * The event that a guard's span has for each check that ran. The conventions have only a proposal for guardrails
 * (`gen_ai.guardrail.*`), so the names are ours.
 */
export const GUARDRAIL_EVENT = "assay.guardrail.result";

/** The log event of a score. */
export const EVALUATION_EVENT = "gen_ai.evaluation.result";

/**
 * Operations that are a call to a model itself: only their tokens and cost count. Everything else (retrieval, tools,
 * agents, workflows) surrounds such calls.
 */
export const MODEL_OPERATIONS: ReadonlySet<string> = new Set([
  "chat",
  "generate_content",
  "text_completion",
  "embeddings",
  "image_generation",
  "speech",
  "transcription",
  "rerank",
]);
