/**
 * Whether another instrumentation has a span for the very call that is being made: its wrapper around the SDK runs the SDK
 * within its span. Then that span is the call's, and one of ours would count it twice.
 */
import type { Span } from "@opentelemetry/api";
import { ATTR, MODEL_OPERATIONS, SCOPE_NAME } from "./conventions.ts";
import { fields, memberOf, text } from "./untyped.ts";

/** Attribute → the values by which dialects say that a span is a call to a model; empty: any. */
const SIGNS: readonly (readonly [name: string, values: ReadonlySet<string>])[] = [
  [ATTR.operationName, MODEL_OPERATIONS],
  ["openinference.span.kind", new Set(["LLM", "EMBEDDING"])],
  ["langfuse.observation.type", new Set(["generation", "embedding"])],
  ["llm.request.type", new Set()],
];

export function isForeignModelCall(active: Span | undefined): boolean {
  if (!active) return false;
  // OpenInference makes a span of its own around the SDK's.
  const span = Reflect.has(active, "attributes") ? active : memberOf(active, "span");
  const scope = fields(memberOf(span, "instrumentationScope"));
  if (!scope || scope["name"] === SCOPE_NAME) return false;
  const attributes = fields(memberOf(span, "attributes"));
  return SIGNS.some(([name, values]) => {
    const value = text(attributes?.[name]);
    return value !== undefined && (values.size === 0 || values.has(value));
  });
}
