import { context, createContextKey, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterEach, expect, test } from "vitest";
import { warnings } from "./health.ts";
import { checkApiVersion, currentTracing, runInScope, setPrivateProvider } from "./tracing.ts";

const API_SLOT = Symbol.for("opentelemetry.js.api.1");

afterEach(() => {
  trace.disable();
  Reflect.deleteProperty(globalThis, API_SLOT);
});

test("a provider that the service registers is used from the next call on, and no longer when it is gone", () => {
  setPrivateProvider(new TracerProvider());
  expect(currentTracing()?.mode).toBe("private");
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  trace.setGlobalTracerProvider(provider);
  expect(currentTracing()?.mode).toBe("global");
  currentTracing()?.tracer.startSpan("theirs").end();
  expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual(["theirs"]);
  trace.disable();
  expect(currentTracing()?.mode).toBe("private");
});

test("a scope's context is made once, and only when asked for", () => {
  let made = 0;
  const key = createContextKey("test");
  const scope = {
    context: () => {
      made++;
      return context.active().setValue(key, "here");
    },
  };
  const tracing = currentTracing();
  runInScope(scope, () => expect(made).toBe(0));
  runInScope(scope, () => expect(tracing?.active().getValue(key)).toBe("here"));
  expect(tracing?.active().getValue(key)).toBeUndefined();
});

test("a provider that another version of the API hides is warned of", () => {
  checkApiVersion();
  expect(warnings.has("api version")).toBe(false);
  Reflect.set(globalThis, API_SLOT, { version: "1.3.0", trace: new TracerProvider() });
  checkApiVersion();
  expect(warnings.get("api version")).toContain("@opentelemetry/api 1.3.0");
});
