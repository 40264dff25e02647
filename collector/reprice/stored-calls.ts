/** Reads the model calls of a day from `spans`, a few at a time however many there are. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Usage } from "@assay/instrumentation/pricing";
import { ANOMALY } from "../encode/anomalies.ts";
import type { StoredCall } from "./repriced.ts";

export interface CallFilter {
  project?: string | undefined;
  provider?: string | undefined;
  /** The one that was asked for, or that answered. */
  model?: string | undefined;
  /** Only calls whose cost is not known. */
  unpriced?: boolean | undefined;
}

const TOKENS: Record<keyof Usage, string> = {
  inputTokens: "input_tokens",
  outputTokens: "output_tokens",
  cacheReadTokens: "cache_read_tokens",
  cacheWriteTokens: "cache_write_tokens",
  cacheWrite1hTokens: "cache_write_1h_tokens",
  audioInputTokens: "audio_input_tokens",
  imageInputTokens: "image_input_tokens",
  audioOutputTokens: "audio_output_tokens",
  imageOutputTokens: "image_output_tokens",
  cacheReadAudioTokens: "cache_read_audio_tokens",
  reasoningTokens: "reasoning_tokens",
  webSearches: "web_searches",
  fileSearches: "file_searches",
};
const KINDS = Object.keys(TOKENS) as (keyof Usage)[];
/** The encoder prices by the start, unless it was none. */
const START_IS_NONE = ANOMALY.startMissing | ANOMALY.startInFuture;

interface Row {
  ids: [trace: string, span: string];
  texts: [
    project: string,
    region: string,
    provider: string,
    request: string,
    response: string,
    tier: string,
    status: string,
    usage: string,
    cost: string,
    price: string,
    reported: string,
  ];
  at: number;
  counts: number[];
  cost: string | null;
  reported: string | null;
}

export async function* readStoredCalls(
  client: ClickHouseClient,
  day: string,
  filter: CallFilter,
): AsyncGenerator<StoredCall> {
  const result = await client.query({
    query: `
      SELECT
        [lower(hex(trace_id)), lower(hex(span_id))] AS ids,
        [project, region, provider, request_model, response_model, service_tier, status, usage_source, cost_status,
          price_id, reported_cost_source] AS texts,
        toFloat64(if(bitAnd(anomalies, ${START_IS_NONE}) = 0, intDiv(start_unix_nano, 1000000),
          toUInt64(toUnixTimestamp64Milli(received_at)))) AS at,
        [${KINDS.map((kind) => TOKENS[kind]).join(", ")}] AS counts,
        toDecimalString(cost, 12) AS cost,
        toDecimalString(reported_cost, 12) AS reported
      FROM spans
      WHERE toDate(event_time) = {day:Date} AND is_model_call ${conditions(filter)}`,
    query_params: { day, ...filter },
    format: "JSONEachRow",
  });
  for await (const rows of result.stream<Row>()) for (const row of rows) yield callOf(row.json());
}

function conditions({ project, provider, model, unpriced }: CallFilter): string {
  return [
    project !== undefined && "AND project = {project:String}",
    provider !== undefined && "AND provider = {provider:String}",
    model !== undefined &&
      "AND (request_model = {model:String} OR response_model = {model:String})",
    unpriced && "AND cost IS NULL",
  ]
    .filter((one) => one !== false && one !== undefined)
    .join(" ");
}

function callOf({ ids, texts, at, counts, cost, reported }: Row): StoredCall {
  const [
    project,
    region,
    provider,
    request,
    response,
    tier,
    status,
    usage,
    costStatus,
    price,
    source,
  ] = texts;
  return {
    traceId: ids[0],
    spanId: ids[1],
    project,
    region,
    provider,
    requestModel: request,
    responseModel: response,
    serviceTier: tier,
    failed: status === "error",
    usageSource: usage,
    atMs: at,
    usage: Object.fromEntries(
      KINDS.map((kind, place) => [kind, counts[place]]),
    ) as unknown as Usage,
    cost: amount(cost),
    costStatus,
    priceId: price,
    reported: amount(reported),
    reportedSource: source,
  };
}

/** Twelve decimals, as `toDecimalString` gives them. */
function amount(text: string | null): bigint | undefined {
  return text === null ? undefined : BigInt(text.replace(".", ""));
}
