/**
 * Evaluations of a trace: those that name one of its spans, the trace as a whole, or, without ids, the response that one
 * of its calls got. They may be made long after the trace, and never before it.
 *
 * One that came twice is shown once, as it came last. At most MAX_EVALUATIONS, earliest first.
 */
import type { Store } from "./store.ts";
import { type TracePlace, placeParameters } from "./trace-place.ts";

const MAX_EVALUATIONS = 10_000;
const NO_SPAN = "0".repeat(16);

export interface Evaluation {
  evaluation_id: string;
  name: string;
  project: string;
  service: string;
  /** Empty: of the trace, or of the response. */
  span_id: string;
  response_id: string;
  time: string;
  evaluated_at: string;
  source: string;
  evaluator: string;
  score: number | null;
  label: string;
  explanation: string;
  error_type: string;
  attributes: Record<string, string>;
}

interface Evaluated {
  span_id: string;
  response_id: string;
  is_model_call: boolean;
}

/** Clocks differ. */
const NOT_BEFORE =
  "e.event_time >= fromUnixTimestamp64Nano({start:Int64}, 'UTC') - INTERVAL 1 HOUR";
/** Named, since a query over all fifty costs more to understand than to run. */
const SELECT = `
SELECT lower(hex(e.evaluation_id)) AS evaluation_id, e.name AS name, e.project AS project, e.service AS service,
  lower(hex(e.span_id)) AS span_id, e.response_id AS response_id,
  concat(replaceOne(toString(e.event_time), ' ', 'T'), 'Z') AS time,
  concat(replaceOne(toString(e.evaluated_at), ' ', 'T'), 'Z') AS evaluated_at,
  e.source AS source, e.evaluator AS evaluator, e.score AS score, e.label AS label, e.explanation AS explanation,
  e.error_type AS error_type, e.attributes AS attributes, toString(e.received_at) AS received_at
FROM assay.evaluations AS e WHERE ${NOT_BEFORE}`;
const EARLIEST = "ORDER BY e.event_time LIMIT {limit:UInt32}";
const OF_TRACE = `${SELECT} AND e.trace_id = toFixedString(unhex({trace:String}), 16) ${EARLIEST}`;
/** Without ids of their own; nothing is read for them where no call of the trace has an answer's id. */
const OF_RESPONSES = `${SELECT} AND e.project IN {projects:Array(String)} AND e.trace_id = toFixedString('', 16)
  AND e.response_id IN {responses:Array(String)} ${EARLIEST}`;

interface EvaluationRow extends Evaluation {
  received_at: string;
}

/** `responses`: ids of the answers that the trace's calls got. */
export async function readEvaluations(
  store: Store,
  place: TracePlace,
  responses: readonly string[],
): Promise<Evaluation[]> {
  const known = [...new Set(responses)].filter((id) => id !== "");
  const rows = await store.rows<EvaluationRow>({
    sql: known.length > 0 ? `${OF_TRACE} UNION ALL ${OF_RESPONSES}` : OF_TRACE,
    parameters: {
      ...placeParameters(place),
      limit: MAX_EVALUATIONS,
      ...(known.length > 0 && { responses: known }),
    },
    threads: 1,
    isFlat: true,
  });
  const last = new Map<string, EvaluationRow>();
  for (const row of rows) {
    const other = last.get(row.evaluation_id);
    if (!other || other.received_at < row.received_at) last.set(row.evaluation_id, row);
  }
  return [...last.values()].sort(byTime).slice(0, MAX_EVALUATIONS).map(shown);
}

function byTime(a: Evaluation, b: Evaluation): number {
  return (
    compare(a.time, b.time) || compare(a.name, b.name) || compare(a.evaluation_id, b.evaluation_id)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function shown(found: EvaluationRow): Evaluation {
  const { received_at: _received, ...row } = found;
  return { ...row, span_id: row.span_id === NO_SPAN ? "" : row.span_id };
}

/**
 * Whose each is: by span id, in the order given; under "" those of the trace, and of spans that are not among these.
 */
export function bySpan(
  evaluations: readonly Evaluation[],
  spans: readonly Evaluated[],
): Map<string, Evaluation[]> {
  const ids = new Set(spans.map((span) => span.span_id));
  const ofResponse = new Map<string, string>();
  // What surrounds a call may repeat its response's id: the call itself is meant.
  for (const wanted of [false, true])
    for (const span of spans.toReversed())
      if (span.is_model_call === wanted) ofResponse.set(span.response_id, span.span_id);
  return Map.groupBy(evaluations, ({ span_id, response_id }) => {
    if (span_id !== "") return ids.has(span_id) ? span_id : "";
    return (response_id !== "" && ofResponse.get(response_id)) || "";
  });
}
