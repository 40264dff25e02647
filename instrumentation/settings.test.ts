import { expect, test } from "vitest";
import { readSettings } from "./settings.ts";

test.each<[string, Record<string, string>, string]>([
  ["nothing set", {}, "http://127.0.0.1:4318/v1/traces"],
  ["ours", { ASSAY_ENDPOINT: "http://a:1/" }, "http://a:1/v1/traces"],
  ["OpenTelemetry's", { OTEL_EXPORTER_OTLP_ENDPOINT: "http://o:2" }, "http://o:2/v1/traces"],
  [
    "its traces' own, as it is",
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://o:3/x" },
    "http://o:3/x",
  ],
  [
    "both: ours",
    { ASSAY_ENDPOINT: "http://a:1", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://o:3/x" },
    "http://a:1/v1/traces",
  ],
  ["not an address", { ASSAY_ENDPOINT: "collector" }, "http://127.0.0.1:4318/v1/traces"],
])("endpoint: %s", (_, env, expected) => {
  expect(readSettings(env).tracesUrl).toBe(expected);
});

const CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
test.each<[string, Record<string, string>, string]>([
  ["nothing set", {}, "redacted"],
  ["ours", { ASSAY_CONTENT: "full" }, "full"],
  ["OpenTelemetry's false", { [CAPTURE]: "false" }, "off"],
  ["OpenTelemetry's mode", { [CAPTURE]: "NO_CONTENT" }, "off"],
  ["OpenTelemetry's true", { [CAPTURE]: "true" }, "redacted"],
  ["both: ours", { [CAPTURE]: "false", ASSAY_CONTENT: "redacted" }, "redacted"],
])("content: %s", (_, env, expected) => {
  expect(readSettings(env).content).toBe(expected);
});

test("the net at fetch() can be switched off", () => {
  expect(readSettings({}).wire).toBe("auto");
  expect(readSettings({ ASSAY_WIRE: "off" }).wire).toBe("off");
});

test("bad values are named, and the defaults used", () => {
  const settings = readSettings({
    ASSAY_CONTENT: "some",
    ASSAY_PROPAGATION: "no",
    ASSAY_WIRE: "maybe",
    ASSAY_ENDPOINT: "collector",
    OTEL_BSP_SCHEDULE_DELAY: "soon",
    OTEL_RESOURCE_ATTRIBUTES: "service.namespace=shop,broken",
  });
  expect(settings.problems).toHaveLength(6);
  expect(settings.problems.join("\n")).toContain('expected off, hash, redacted, full, got "some"');
  expect(settings).toMatchObject({
    content: "redacted",
    propagation: "auto",
    wire: "auto",
    flushIntervalMs: 1_000,
  });
  expect(settings.resourceAttributes["service.namespace"]).toBe("shop");
});
