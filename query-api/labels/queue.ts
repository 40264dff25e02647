/**
 * `GET /api/v1/labels/next`: the next record for a reviewer, with what is needed to judge it and, unless asked for,
 * without what the judge said. It is the reviewer's for ten minutes; a part of the records goes to two reviewers, whose
 * agreement is the most that a judge can be held to.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { z } from "zod";
import { readContent } from "../content.ts";
import type { ApiCall } from "../endpoint.ts";
import { ApiError } from "../errors.ts";
import { anyOf, checkRange, flag, nanos, readParameters, time } from "../parameters.ts";
import type { Store } from "../store.ts";
import { findTrace, placeParameters } from "../trace-place.ts";
import { drawnSql } from "./draw.ts";
import { IS_HUMAN } from "./people.ts";
import { levelsOf, rulesOf } from "./rules.ts";

const LEASE_MS = 10 * 60_000;
const USUAL_RANGE_MS = 14 * 86_400_000;

export const metricName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "a metric's name: lower-case letters, digits and _")
  .refine((name) => name !== "composite", "a metric that is judged; composites are computed");
export const reviewerName = z
  .string()
  .trim()
  .min(1, "a name")
  .max(100, "a name of up to 100 characters");

/** What the server draws for people. */
export interface LabelSettings {
  /** Of the judged records. */
  share: number;
  /** Of the drawn records, those that two people label. */
  twice: number;
}

export function nextLabelShape(nowMs: number) {
  return {
    metric: metricName,
    reviewer: reviewerName,
    project: anyOf.optional(),
    from: time(nowMs).optional(),
    to: time(nowMs).optional(),
    blind: flag.default(true),
  };
}

export const nextLabelAnswer = z.looseObject({
  metric: z.string(),
  share: z.number().describe("Of the judged records that people are asked about"),
  waiting: z.number().describe("Records that this reviewer could still be shown"),
  rules: z.looseObject({ definition: z.string(), scores: z.array(z.string()) }).nullable(),
  highest: z.number().describe("The best score; the worst is 1"),
  task: z
    .looseObject({
      project: z.string(),
      trace_id: z.string(),
      span_id: z.string(),
      time: z.string(),
      lease_until: z.string(),
      input: z.unknown(),
      output: z.unknown(),
      documents: z.array(z.unknown()),
      reference: z.string().nullable(),
      judge: z
        .looseObject({ score: z.number().nullable(), explanation: z.string() })
        .nullable()
        .describe("Null unless blind=false"),
    })
    .nullable()
    .describe("Null: nothing is waiting"),
});

interface Candidate {
  project: string;
  trace_id: string;
  span_id: string;
  time: string;
  waiting: number;
  judge: string;
  judge_score: number | null;
  judge_explanation: string;
}

/** One at a time in this process, so that two reviewers who ask at once do not both see a record free. */
let last: Promise<unknown> = Promise.resolve();

export async function nextLabel(call: ApiCall): Promise<z.input<typeof nextLabelAnswer>> {
  const { store, query, nowMs, labels } = call;
  const asked = readParameters(nextLabelShape(nowMs), query);
  const { metric, reviewer, project, blind } = asked;
  const to = asked.to ?? nowMs;
  const from = asked.from ?? to - USUAL_RANGE_MS;
  checkRange(from, to);
  const writer = writerOf(call);
  const parameters = {
    metric,
    reviewer,
    from: nanos(from),
    to: nanos(to),
    now: nowMs,
    share: labels.share,
    twice: labels.twice,
    ...(project && { f_project: project }),
  };
  const turn = last.then(() => taken(store, writer, parameters, project !== undefined));
  last = turn.catch(() => {}); // Whoever asked is told; the next one's turn comes either way.
  const [candidate, rules] = await Promise.all([turn, rulesOf(store, metric)]);
  return {
    metric,
    share: labels.share,
    waiting: candidate?.waiting ?? 0,
    rules: rules ?? null,
    highest: levelsOf(rules),
    task: candidate ? await taskOf(store, candidate, { blind, nowMs }) : null,
  };
}

/** @throws ApiError `read_only` where this server was not given the right to write */
export function writerOf({ writer }: Pick<ApiCall, "writer">): ClickHouseClient {
  if (writer) return writer;
  throw new ApiError("read_only");
}

async function taken(
  store: Store,
  writer: ClickHouseClient,
  parameters: { metric: string; reviewer: string; now: number },
  ofProject: boolean,
): Promise<Candidate | undefined> {
  const [candidate] = await store.rows<Candidate>({ sql: candidateSql(ofProject), parameters });
  if (!candidate) return undefined;
  const { metric, reviewer, now } = parameters;
  await writer.command({
    query: `INSERT INTO assay.label_leases (metric, trace_id, span_id, reviewer, leased_at, until)
SELECT {metric:String}, unhex({trace:String}), unhex({span:String}), {reviewer:String}, fromUnixTimestamp64Milli({now:Int64}, 'UTC'), fromUnixTimestamp64Milli({until:Int64}, 'UTC')`,
    query_params: {
      metric,
      reviewer,
      trace: candidate.trace_id,
      span: candidate.span_id,
      now,
      until: now + LEASE_MS,
    },
  });
  return candidate;
}

/** What the reviewer has already, else the first that is free: not labelled by them, and looked at by few enough. */
function candidateSql(ofProject: boolean): string {
  const range = `event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')${
    ofProject ? " AND project IN {f_project:Array(String)}" : ""
  }`;
  return `SELECT d.project AS project, lower(hex(d.trace_id)) AS trace_id, lower(hex(d.span_id)) AS span_id,
  concat(replaceOne(toString(d.event_time), ' ', 'T'), 'Z') AS time, toFloat64(count() OVER ()) AS waiting, d.judge AS judge,
  d.judge_score AS judge_score, d.judge_explanation AS judge_explanation
FROM (${drawnSql(range)}) AS d
LEFT JOIN (
  SELECT trace_id, span_id, groupUniqArray(evaluator) AS reviewers FROM assay.evaluations
  WHERE ${IS_HUMAN} AND name = {metric:String} AND ${range} GROUP BY trace_id, span_id) AS l ON l.trace_id = d.trace_id AND l.span_id = d.span_id
LEFT JOIN (
  SELECT trace_id, span_id, groupUniqArray(reviewer) AS holders FROM assay.label_leases
  WHERE metric = {metric:String} AND until > fromUnixTimestamp64Milli({now:Int64}, 'UTC') GROUP BY trace_id, span_id) AS h ON h.trace_id = d.trace_id AND h.span_id = d.span_id
WHERE d.place < d.probability AND NOT has(l.reviewers, {reviewer:String})
  AND length(arrayDistinct(arrayConcat(l.reviewers, arrayFilter(one -> one != {reviewer:String}, h.holders)))) < if(d.double_place < {twice:Float64}, 2, 1)
ORDER BY has(h.holders, {reviewer:String}) DESC, d.place / d.probability, trace_id
LIMIT 1`;
}

async function taskOf(
  store: Store,
  candidate: Candidate,
  { blind, nowMs }: { blind: boolean; nowMs: number },
) {
  const { project, trace_id, span_id, time: at } = candidate;
  const material = await materialOf(store, trace_id, span_id);
  return {
    project,
    trace_id,
    span_id,
    time: at,
    lease_until: new Date(nowMs + LEASE_MS).toISOString(),
    ...material,
    judge: blind
      ? null
      : {
          judge: candidate.judge,
          score: candidate.judge_score,
          explanation: candidate.judge_explanation,
        },
  };
}

/** What was asked, found and answered. Content may be gone before the scores are: then there is none. */
async function materialOf(store: Store, traceId: string, spanId: string) {
  const place = await findTrace(store, traceId).catch((error: unknown) => {
    if (error instanceof ApiError && error.code === "trace_not_found") return undefined;
    throw error;
  });
  if (!place) return { input: null, output: null, documents: [], reference: null };
  const [{ content }, [found]] = await Promise.all([
    readContent(store, place),
    store.rows<{ reference: string }>({
      sql: `SELECT attrs_string['assay.reference'] AS reference FROM assay.spans AS s
WHERE s.project IN {projects:Array(String)} AND s.trace_id = toFixedString(unhex({trace:String}), 16) AND reference != ''
  AND s.event_time BETWEEN fromUnixTimestamp64Nano({start:Int64}, 'UTC') AND fromUnixTimestamp64Nano({end:Int64}, 'UTC') LIMIT 1`,
      parameters: placeParameters(place),
    }),
  ]);
  const documents = [...content.values()].flatMap((one) =>
    Array.isArray(one.documents) ? (one.documents as unknown[]) : (one.documents ?? []),
  );
  const own = content.get(spanId);
  return {
    input: own?.input ?? null,
    output: own?.output ?? null,
    documents,
    reference: found?.reference ?? null,
  };
}
