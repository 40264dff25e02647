/** `GET /api/v1/evaluations`: single scores with their judges' reasons, the newest or the worst first, page by page. */
import { z } from "zod";
import { type EvaluationPlace, readEvaluationCursor, writeEvaluationCursor } from "./cursor.ts";
import {
  anyOf,
  checkRange,
  namesOf,
  nanos,
  readParameters,
  time,
  wholeNumber,
  type RawQuery,
} from "./parameters.ts";
import { QUALITY_DIMENSIONS, type QualityDimension, evaluationsSql } from "./quality.ts";
import type { Store } from "./store.ts";

const STATUSES = ["ok", "abstain", "not_applicable", "failed"] as const;

/** Columns over evaluations, by the groups that can be asked for. */
const GROUPS = {
  core: `lower(hex(evaluation_id)) AS evaluation_id, name AS metric, project, lower(hex(trace_id)) AS trace_id,
  lower(hex(span_id)) AS span_id, concat(replaceOne(toString(event_time), ' ', 'T'), 'Z') AS time, status, error_type, score,
  score_expected, norm, label`,
  reasons: "explanation, evidence, reference, coverage, injection_suspected",
  judge:
    "evaluator, judge_hash, judge_model, role, source, model, release, prompt_version, stratum, pi AS inclusion_probability",
  accounting: "attempts, toDecimalString(cost, 12) AS cost, toFloat64(latency_ms) AS latency_ms",
} as const;
const GROUP_NAMES = ["core", "reasons", "judge", "accounting"] as const;

export function evaluationsShape(nowMs: number) {
  const filters = Object.fromEntries(QUALITY_DIMENSIONS.map((name) => [name, anyOf.optional()]));
  return {
    from: time(nowMs),
    to: time(nowMs),
    metric: anyOf.optional(),
    status: z.enum(STATUSES, { message: `one of ${STATUSES.join(", ")}` }).optional(),
    order: z.enum(["newest", "worst"], { message: '"newest" or "worst"' }).default("newest"),
    fields: namesOf(GROUP_NAMES)
      .describe(`a comma list of ${GROUP_NAMES.join(", ")}; core is always there`)
      .optional(),
    limit: wholeNumber(1, 500).default(50),
    cursor: z.string({ message: "one cursor" }).optional(),
    ...(filters as Record<QualityDimension, z.ZodOptional<typeof anyOf>>),
  };
}

interface ListedRow {
  evaluation_id: string;
  norm: number | null;
  at: string;
}

export async function listEvaluations(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const { from, to, status, order, limit, cursor, fields, ...filters } = readParameters(
    evaluationsShape(nowMs),
    query,
  );
  checkRange(from, to);
  const before = cursor === undefined ? undefined : readEvaluationCursor(cursor);
  const given = (["metric", ...QUALITY_DIMENSIONS] as const).filter(
    (name) => filters[name] !== undefined,
  );
  const only = [
    ...(status ? ["status = {status:String}"] : []),
    ...(order === "worst" ? ["norm IS NOT NULL"] : []),
  ].join(" AND ");
  const groups = GROUP_NAMES.filter(
    (name) => name === "core" || (fields ?? GROUP_NAMES).includes(name),
  );
  const found = await store.rows<ListedRow>({
    sql: `SELECT ${groups.map((name) => GROUPS[name]).join(", ")}, toString(toUnixTimestamp64Nano(event_time)) AS at
FROM (${evaluationsSql(given, only)}) AS evaluations
${before ? `WHERE ${afterSql(order)}` : ""}
ORDER BY ${order === "worst" ? "norm, " : ""}event_time DESC, evaluation_id
LIMIT {limit:UInt32}`,
    parameters: {
      from: nanos(from),
      to: nanos(to),
      limit: limit + 1,
      ...(status && { status }),
      ...(before && { at: before.time, at_id: before.id, at_norm: before.norm ?? 0 }),
      ...Object.fromEntries(given.map((name) => [`f_${name}`, filters[name]])),
    },
  });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    evaluations: page.map(({ at: _at, ...row }) => row),
    next_cursor: found.length > limit && last ? writeEvaluationCursor(placeOf(last, order)) : null,
  };
}

/** What comes after the cursor's place in the order of the list. */
function afterSql(order: "newest" | "worst"): string {
  const at = "fromUnixTimestamp64Nano({at:Int64}, 'UTC')";
  const byTime = `(event_time < ${at} OR event_time = ${at} AND lower(hex(evaluations.evaluation_id)) > {at_id:String})`;
  return order === "newest"
    ? byTime
    : `(norm > {at_norm:Float64} OR norm = {at_norm:Float64} AND ${byTime})`;
}

function placeOf({ norm, at, evaluation_id }: ListedRow, order: string): EvaluationPlace {
  return { norm: order === "worst" ? norm : null, time: at, id: evaluation_id };
}
