/** What a service may call; the import that traces by itself is `@assay/instrumentation/register`. */
import { stats as counters, warnings, type Stats } from "./health.ts";
import { installed } from "./install.ts";
import { instrument as instrumentClient } from "./instrument.ts";
import { runtime, start } from "./runtime.ts";
import type { PatchedCopy } from "./sdk-copies.ts";
import { checkApiVersion, tracingMode } from "./tracing.ts";

export { flush, shutdown } from "./runtime.ts";
export { LlmSpanProcessor, type LlmSpanProcessorOptions } from "./llm-span-processor.ts";
export { withContext, type LlmContext } from "./llm-context.ts";
export { instrumentRetriever } from "./retrievers/instrument-retriever.ts";
export { traceRetriever, type RetrieverOptions } from "./retrievers/trace-retriever.ts";
export type { RetrievedDocument } from "./retrievers/documents.ts";
export { traceAgent, type AgentOptions } from "./tools/trace-agent.ts";
export { traceTool, type ToolOptions } from "./tools/trace-tool.ts";
export { guard } from "./guard/guard.ts";
export type { CheckedText, Guard, Guarded, GuardPolicy, WrapOptions } from "./guard/guard.ts";
export { GuardBlockedError } from "./guard/blocked-error.ts";
export { checks, createCanary } from "./guard/checks.ts";
export type { Action, Check, CheckContext, Stage, ToolCall, Verdict } from "./guard/check.ts";
export type { Shape } from "./guard/shapes.ts";
export { score, type Score } from "./score/score.ts";
export { currentSpan, type SpanIds } from "./score/span-ids.ts";
export type { ContentMode } from "./settings.ts";
export type { PatchedCopy, Stats };

/**
 * Traces the calls of this client and returns the same object; a client that is traced already stays as it is. For
 * bundles and other places where the import cannot find the SDK.
 * @example const client = instrument(new OpenAI())
 */
export function instrument<T extends object>(client: T, options: { provider?: string } = {}): T {
  start();
  return instrumentClient(client, options);
}

/** A copy of the counters: what was traced, sent, dropped. */
export function stats(): Stats {
  return { ...counters };
}

export interface Status {
  /** `global`: through the service's own tracer provider. */
  mode: "global" | "private" | "off";
  endpoint: string;
  content: string;
  /** Copies of SDKs that were found, and what of each is traced. */
  sdks: PatchedCopy[];
  /** Whether incoming requests get a span of ours; `off: why`. */
  requestScope: string;
  warnings: string[];
}

export function status(): Status {
  checkApiVersion();
  return {
    mode: tracingMode(),
    endpoint: runtime.settings.tracesUrl,
    content: runtime.settings.content,
    ...installed(),
    warnings: [...warnings.values()],
  };
}
