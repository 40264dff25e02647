/** The conventions' metrics through OpenTelemetry's own metrics SDK, of calls of the real OpenAI SDK. */
import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
} from "@opentelemetry/sdk-metrics";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flush, instrument } from "./index.ts";
import { startModelServer, type ModelServer } from "./testing/model-server.ts";

let model: ModelServer;
let client: OpenAI;
const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });

beforeAll(async () => {
  model = await startModelServer();
  client = instrument(new OpenAI({ apiKey: "test", baseURL: model.url, maxRetries: 0 }));
});
afterAll(async () => {
  await reader.shutdown();
  await model.close();
});

interface Point {
  attributes: Record<string, unknown>;
  value: { count: number; sum: number; buckets: { boundaries: number[] } };
}

/** Of the calls that `work` makes: metric → its points. */
async function measured(work: () => Promise<unknown>): Promise<Map<string, Point[]>> {
  await work();
  await flush(0);
  exporter.reset();
  await reader.forceFlush();
  const found = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .filter(({ scope }) => scope.name === "@assay/instrumentation")
    .flatMap((scope): MetricData[] => scope.metrics);
  return new Map(
    found.map(({ descriptor, dataPoints }) => [
      `${descriptor.name} ${descriptor.unit}`,
      dataPoints as unknown as Point[],
    ]),
  );
}

const DURATION = "gen_ai.client.operation.duration s";
const TOKENS = "gen_ai.client.token.usage {token}";
const FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk s";
const messages = [{ role: "user" as const, content: "hi" }];

test("without a meter provider a call records nothing, and with one the next call does", async () => {
  await client.chat.completions.create({ model: "gpt-4o-mini", messages });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  const points = await measured(() =>
    client.chat.completions.create({ model: "gpt-4o-mini", messages }),
  );
  const port = Number(new URL(model.url).port);
  const dimensions = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": expect.stringContaining("gpt-4o-mini") as string,
    "server.address": "127.0.0.1",
    "server.port": port,
  };
  expect([...points.keys()].sort()).toEqual([DURATION, TOKENS]);
  const [duration, ...more] = points.get(DURATION)!;
  expect(more).toEqual([]);
  expect(duration!.attributes).toEqual(dimensions);
  expect(duration!.value.count).toBe(1);
  expect(duration!.value.sum).toBeGreaterThan(0);
  expect(duration!.value.sum).toBeLessThan(30);
  expect(duration!.value.buckets.boundaries).toEqual([
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
  ]);
  const tokens = points.get(TOKENS)!;
  expect(
    tokens.map(({ attributes, value }) => [attributes["gen_ai.token.type"], value.sum]),
  ).toEqual([
    ["input", 20],
    ["output", 8],
  ]);
  expect(tokens[0]!.value.buckets.boundaries).toEqual([
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
  ]);
});

test("a stream has a time to its first chunk; tokens that are only estimated are none", async () => {
  const points = await measured(async () => {
    const stream = await client.chat.completions.create({ model: "m", messages, stream: true });
    for await (const chunk of stream) void chunk;
  });
  expect([...points.keys()].sort()).toEqual([DURATION, FIRST_CHUNK]);
  const first = points.get(FIRST_CHUNK)![0]!;
  expect(first.value.count).toBe(1);
  expect(first.value.sum).toBeLessThanOrEqual(points.get(DURATION)![0]!.value.sum);
  expect(first.value.buckets.boundaries).toHaveLength(14);
});

test("a failed call has its error type", async () => {
  const points = await measured(() =>
    client.chat.completions.create({ model: "unauthorized", messages }).catch(() => undefined),
  );
  expect(points.get(DURATION)![0]!.attributes["error.type"]).toBe("401");
});
