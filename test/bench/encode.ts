/**
 * What validating and encoding cost, in CPU seconds per million spans.
 *
 *     node test/bench/encode.ts [spans per request] [requests per block]
 *
 * Spans of about 2.2 KB as the instrumentation sends them: 27 attributes, prompt and answer of unique text, a trace
 * per span, one resource per request. Prints the best and the median of several rounds after a warm-up.
 */
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { randomBytes } from "node:crypto";
import { SpanKind, TraceFlags } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { createEncoder } from "../../collector/encode/encoder.ts";
import { validateTraces } from "../../collector/otlp/validate.ts";

type ReadableSpan = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0][number];

const spansPerRequest = Number(process.argv[2] ?? 250);
const requestsPerBlock = Number(process.argv[3] ?? 120);
const ROUNDS = 12;

const resource = resourceFromAttributes({
  "service.name": "checkout-assistant",
  "service.namespace": "shop",
  "service.version": "2.14.3",
  "service.instance.id": "b3b6c1d2-6a0d-4e63-9d36-0f3c6f8a4a11",
  "deployment.environment.name": "production",
  "cloud.region": "eu-central-1",
  "host.name": "checkout-7f9c4d5b6-x2x7k",
  "process.pid": 4711,
  "telemetry.sdk.name": "opentelemetry",
  "telemetry.sdk.language": "nodejs",
  "telemetry.sdk.version": "2.12.1",
});

const WORDS = randomBytes(60_000)
  .toString("base64url")
  .match(/.{2,9}/g)!;
const text = (length: number): string => {
  let out = "";
  while (out.length < length) out += `${WORDS[Math.floor(Math.random() * WORDS.length)]} `;
  return out.slice(0, length);
};
const message = (role: string, length: number) =>
  JSON.stringify([{ role, parts: [{ type: "text", content: text(length) }] }]);

function makeSpan(index: number): ReadableSpan {
  const start = Date.now() - 5_000;
  const input = 300 + (index % 700);
  const spanContext = {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    traceFlags: TraceFlags.SAMPLED,
  };
  return {
    name: "chat gpt-4o-mini",
    kind: SpanKind.CLIENT,
    spanContext: () => spanContext,
    startTime: [Math.floor(start / 1000), (index * 1_003_331) % 1e9],
    endTime: [Math.floor(start / 1000) + 1, (index * 1_003_331) % 1e9],
    status: { code: 0 },
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-4o-mini",
      "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
      "gen_ai.response.id": `chatcmpl-${randomBytes(12).toString("hex")}`,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.request.temperature": 0.2,
      "gen_ai.request.max_tokens": 512,
      "gen_ai.request.stream": true,
      "gen_ai.usage.input_tokens": input,
      "gen_ai.usage.cache_read.input_tokens": 128,
      "gen_ai.usage.output_tokens": 80 + (index % 90),
      "gen_ai.usage.cost.amount": 0.000091,
      "gen_ai.usage.cost.currency": "USD",
      "gen_ai.usage.cost.source": "local",
      "assay.cost.amount_exact": "0.000091200000",
      "assay.prompt.hash": randomBytes(16).toString("hex"),
      "gen_ai.prompt.name": "answer",
      "gen_ai.prompt.version": "7",
      "gen_ai.conversation.id": randomBytes(8).toString("hex"),
      "user.id": `user-${index % 3_000}`,
      "server.address": "api.openai.com",
      "server.port": 443,
      "gen_ai.response.time_to_first_chunk": 0.231,
      "openai.api.type": "chat_completions",
      "gen_ai.input.messages": message("user", 800),
      "gen_ai.output.messages": message("assistant", 350),
    },
    links: [],
    events: [],
    duration: [1, 0],
    ended: true,
    resource,
    instrumentationScope: { name: "@assay/instrumentation", version: "0.1.0" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  } as ReadableSpan;
}

const bodies = Array.from({ length: requestsPerBlock }, (_, request) => {
  const spans = Array.from({ length: spansPerRequest }, (_, i) =>
    makeSpan(request * spansPerRequest + i),
  );
  return ProtobufTraceSerializer.serializeRequest(spans)!;
});
const spanCount = spansPerRequest * requestsPerBlock;
const inputBytes = bodies.reduce((sum, body) => sum + body.length, 0);
console.log(
  `${spanCount} spans a round, ${Math.round(inputBytes / spanCount)} B each, ${spansPerRequest} a request`,
);

const encoder = createEncoder({
  priceBook: loadPriceBook(),
  collectorId: "bench",
  maxSpanAgeMs: 7 * 86_400_000,
});

function cpuSecondsPerMillion(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / spanCount;
}

function validate(): void {
  for (const body of bodies) validateTraces(body);
}

let blockBytes = 0;
function encode(): void {
  for (const [index, body] of bodies.entries()) {
    encoder.append({
      seq: index + 1,
      body,
      spanCount: spansPerRequest,
      rejected: [],
      receivedAtUnixMs: Date.now(),
      signal: "traces",
    });
  }
  blockBytes = encoder.finish(1).byteLength;
}

for (const [name, work] of [
  ["validate", validate],
  ["encode", encode],
] as const) {
  for (let round = 0; round < 4; round++) work();
  const seconds = Array.from({ length: ROUNDS }, () => cpuSecondsPerMillion(work)).sort(
    (a, b) => a - b,
  );
  const [best, median] = [seconds[0]!, seconds[ROUNDS / 2]!];
  console.log(
    `${name}: best ${best.toFixed(2)}, median ${median.toFixed(2)} CPU s per million spans`,
  );
}
console.log(`block: ${Math.round(blockBytes / spanCount)} B a span`);
