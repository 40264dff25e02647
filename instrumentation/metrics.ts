/**
 * The client metrics of the GenAI conventions, for services that have an OpenTelemetry metrics SDK: how long calls take,
 * how many tokens they use, how long until a stream begins. They go to the meter provider that the service registers, and
 * nowhere else; where there is none they cost a look. Calls that the service's sampler leaves out are measured too.
 */
import {
  createNoopMeter,
  metrics,
  type Attributes,
  type Histogram,
  type MeterProvider,
} from "@opentelemetry/api";
import { ATTR, METRIC, SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION } from "./conventions.ts";
import { guarded } from "./health.ts";
import type { Usage } from "./pricing.ts";

const SECONDS = Array.from({ length: 14 }, (_, at) => 0.01 * 2 ** at);
const TOKENS = Array.from({ length: 14 }, (_, at) => 4 ** at);

/** What a call is told apart by: few values each, or the service's metrics would have no end. */
const DIMENSIONS = [
  ATTR.operationName,
  ATTR.providerName,
  ATTR.requestModel,
  ATTR.responseModel,
  ATTR.serverAddress,
  ATTR.serverPort,
  ATTR.errorType,
];

export interface MeasuredCall {
  /** Of the span: at its start, and what the answer added. */
  attributes: readonly Attributes[];
  durationMs: number;
  /** undefined: no stream, or none of it came. */
  timeToFirstChunkMs: number | undefined;
  /** undefined: not known. An estimate is not recorded. */
  usage: Usage | undefined;
}

interface Instruments {
  duration: Histogram;
  tokens: Histogram;
  timeToFirstChunk: Histogram;
}

const NOOP_METER = createNoopMeter().constructor;
let provider: MeterProvider | undefined;
let instruments: Instruments | undefined;

/** Whether there is somebody to record for; the service may register a provider at any time. */
export function areMetricsWanted(): boolean {
  const registered = metrics.getMeterProvider();
  if (registered !== provider) {
    provider = registered;
    instruments = guarded("making metrics", () => createInstruments(registered));
  }
  return instruments !== undefined;
}

/** Call it only where `areMetricsWanted()`. */
export function recordCall(call: MeasuredCall): void {
  if (!instruments) return;
  const dimensions = dimensionsOf(call.attributes);
  instruments.duration.record(call.durationMs / 1_000, dimensions);
  if (call.timeToFirstChunkMs !== undefined)
    instruments.timeToFirstChunk.record(call.timeToFirstChunkMs / 1_000, dimensions);
  if (!call.usage) return;
  const { inputTokens, outputTokens } = call.usage;
  instruments.tokens.record(inputTokens, { ...dimensions, [ATTR.tokenType]: "input" });
  if (dimensions[ATTR.operationName] !== "embeddings")
    instruments.tokens.record(outputTokens, { ...dimensions, [ATTR.tokenType]: "output" });
}

function dimensionsOf(all: readonly Attributes[]): Attributes {
  const dimensions: Attributes = {};
  for (const attributes of all)
    for (const name of DIMENSIONS) {
      const value = attributes[name];
      if (value !== undefined) dimensions[name] = value;
    }
  return dimensions;
}

function createInstruments(from: MeterProvider): Instruments | undefined {
  const meter = from.getMeter(SCOPE_NAME, SCOPE_VERSION, { schemaUrl: SCHEMA_URL });
  if (meter.constructor === NOOP_METER) return undefined;
  const seconds = { unit: "s", advice: { explicitBucketBoundaries: SECONDS } };
  return {
    duration: meter.createHistogram(METRIC.operationDuration, {
      description: "Duration of calls to models",
      ...seconds,
    }),
    timeToFirstChunk: meter.createHistogram(METRIC.timeToFirstChunk, {
      description: "Time until the first chunk of a stream",
      ...seconds,
    }),
    tokens: meter.createHistogram(METRIC.tokenUsage, {
      description: "Input and output tokens of calls to models",
      unit: "{token}",
      advice: { explicitBucketBoundaries: TOKENS },
    }),
  };
}
