import { TracerProvider } from "@opentelemetry/sdk-trace";
import type { Attributes } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { SCOPE_NAME } from "./conventions.ts";
import { isForeignModelCall } from "./foreign-call.ts";

const span = (scope: string, attributes: Attributes) =>
  new TracerProvider().getTracer(scope).startSpan("span", { attributes });

test.each<[string, Attributes, boolean]>([
  ["the conventions", { "gen_ai.operation.name": "chat" }, true],
  ["an agent around calls", { "gen_ai.operation.name": "invoke_agent" }, false],
  ["OpenInference", { "openinference.span.kind": "LLM" }, true],
  ["a chain of OpenInference", { "openinference.span.kind": "CHAIN" }, false],
  ["Langfuse", { "langfuse.observation.type": "generation" }, true],
  ["Traceloop", { "llm.request.type": "chat" }, true],
  ["an HTTP server", { "http.request.method": "GET" }, false],
])("%s", (_, attributes, expected) => {
  expect(isForeignModelCall(span("theirs", attributes))).toBe(expected);
  expect(isForeignModelCall(span(SCOPE_NAME, attributes))).toBe(false);
});

test("a span around the SDK's", () => {
  const inner = span("theirs", { "openinference.span.kind": "LLM" });
  expect(isForeignModelCall({ span: inner } as unknown as typeof inner)).toBe(true);
});

test("no span, or one that says nothing of itself", () => {
  expect(isForeignModelCall(undefined)).toBe(false);
  expect(isForeignModelCall({} as ReturnType<typeof span>)).toBe(false);
});
