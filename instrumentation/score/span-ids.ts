/** Which span a score is about, as it can be written down and handed on. */
import { isSpanContextValid, trace } from "@opentelemetry/api";
import { currentTracing } from "../tracing.ts";

export interface SpanIds {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits. */
  spanId: string;
}

/**
 * The span that is under way here: of the request, or of the agent, tool or guard inside of it. Hand it to the client
 * with the answer, and what the client thinks of the answer can be tied to it later.
 */
export function currentSpan(): SpanIds | undefined {
  const tracing = currentTracing();
  const span = tracing && trace.getSpanContext(tracing.active());
  return span && isSpanContextValid(span)
    ? { traceId: span.traceId, spanId: span.spanId }
    : undefined;
}
