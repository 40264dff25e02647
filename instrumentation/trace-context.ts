/**
 * W3C Trace Context: reading `traceparent` and `tracestate` from a request and writing them to another.
 * https://www.w3.org/TR/trace-context/
 */
import { createTraceState, isSpanContextValid, type SpanContext } from "@opentelemetry/api";

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export function parseTraceparent(
  traceparent: string | undefined,
  tracestate: string | undefined,
): SpanContext | undefined {
  const match = traceparent ? TRACEPARENT.exec(traceparent.trim()) : null;
  const [, version, traceId, spanId, flags, more] = match ?? [];
  if (!version || !traceId || !spanId || !flags || version === "ff") return undefined;
  // Version 00 has exactly four fields; a later one may have more, which are to be ignored.
  if (version === "00" && more) return undefined;
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(tracestate ? { traceState: createTraceState(tracestate) } : {}),
  };
  return isSpanContextValid(context) ? context : undefined;
}

export function formatTraceparent(context: SpanContext): string {
  const flags = (context.traceFlags & 1).toString(16).padStart(2, "0");
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}
