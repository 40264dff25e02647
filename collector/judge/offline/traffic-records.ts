/** Records picked from stored traffic, for a comparison of judges or as an experiment's dataset: a random part of those that match. */
import type { ClickHouseClient } from "@clickhouse/client";
import { normalisedQuestion } from "../config.ts";
import { judgedRecord, recordOf, type TraceRecord } from "../record.ts";
import { contentsOf, extentOf, tracesWhere } from "../records.ts";
import { IS_HUMAN } from "./people-scores.ts";
import type { OfflineRecord } from "./records-file.ts";

export interface TrafficQuestion {
  /** Unix milliseconds, of the call. */
  from: number;
  to: number;
  limit: number;
  project?: string | undefined;
  model?: string | undefined;
  environment?: string | undefined;
  release?: string | undefined;
  status?: string | undefined;
  /** Only what this metric was judged to be at most: 0 worst, 1 best. */
  below?: { metric: string; norm: number } | undefined;
  /** Only what people scored by this metric. */
  labelled?: string | undefined;
  golden: ReadonlyMap<string, string>;
}

const FILTERS = {
  project: "project = {project:String}",
  model: "if(response_model = '', request_model, response_model) = {model:String}",
  environment: "environment = {environment:String}",
  release: "release = {release:String}",
  status: "status = {status:String}",
} as const;

const LABELLED = `trace_id IN (SELECT trace_id FROM assay.evaluations WHERE ${IS_HUMAN} AND name = {labelled:String})`;

/** @returns in an order by chance that is the same each time; what has no content is left out */
export async function trafficRecords(
  client: ClickHouseClient,
  question: TrafficQuestion,
): Promise<OfflineRecord[]> {
  const { from, to, limit, below, labelled, golden } = question;
  const given = (Object.keys(FILTERS) as (keyof typeof FILTERS)[]).filter(
    (name) => question[name] !== undefined,
  );
  const range =
    "event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')";
  const judgedBelow = `trace_id IN (SELECT trace_id FROM assay.evaluations WHERE ${range} AND name = {metric:String} AND norm <= {norm:Float64} AND purpose IN ('', 'traffic'))`;
  const chosen = [
    range,
    "is_model_call AND has_content",
    ...given.map((name) => FILTERS[name]),
    ...(below ? [judgedBelow] : []),
    ...(labelled === undefined ? [] : [LABELLED]),
  ].join(" AND ");
  const traces = await tracesWhere(
    client,
    `event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') - INTERVAL 1 DAY AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') + INTERVAL 1 DAY
       AND trace_id IN (SELECT DISTINCT trace_id FROM assay.spans WHERE ${chosen} ORDER BY sipHash64(trace_id) LIMIT {limit:UInt32})`,
    {
      from,
      to,
      limit,
      ...Object.fromEntries(given.map((name) => [name, question[name]])),
      ...below,
      ...(labelled !== undefined && { labelled }),
    },
  );
  const records = [...traces.values()].flatMap((spans) => recordOf(spans) ?? []);
  return withContents(client, records, golden);
}

async function withContents(
  client: ClickHouseClient,
  records: readonly TraceRecord[],
  golden: ReadonlyMap<string, string>,
): Promise<OfflineRecord[]> {
  const ids = records.map(({ answered }) => answered.traceId);
  const extent = await extentOf(client, ids);
  const contents = extent ? await contentsOf(client, ids, extent) : new Map<string, never>();
  return records.flatMap((record) => {
    const { project, traceId, spanId, model } = record.answered;
    const { referenceFrom: _from, ...judged } = judgedRecord(
      record,
      contents.get(traceId) ?? new Map(),
      (question) => golden.get(normalisedQuestion(question)),
    );
    if (judged.answer === undefined) return [];
    return [
      { id: traceId, judged, peopleScores: {}, traffic: { project, traceId, spanId, model } },
    ];
  });
}
