/**
 * `GET /api/v1/costs/review`: who spends, on what, and what comes of it.
 *
 * A question is a trace; it is answered when a model call of it that writes text did not fail. Cost per answered question is
 * all that was spent on questions, those that failed too, over those that were answered; its interval is of the traces as a
 * sample (a ratio of sums). Cost per quality point is the cost of a call over its mean quality from 0 to 1, with the
 * quality's interval.
 */
import { ratioOfSums } from "@assay/statistics/ratio";
import { z } from "zod";
import { exactUsd, instant, range, usd } from "../answers.ts";
import type { ApiCall } from "../endpoint.ts";
import { MEASURES } from "../measures.ts";
import { anyOf, checkRange, namesOf, readParameters, time, wholeNumber } from "../parameters.ts";
import { type QualityDimension, readQualityOf } from "../quality.ts";
import type { Store } from "../store.ts";
import { type Dimension, alignRange, chooseTier } from "../tiers.ts";

const BY = [
  "project",
  "service",
  "environment",
  "model",
  "provider",
  "region",
  "operation",
  "user",
  "session",
  "prompt_version",
  "release",
] as const;
type By = (typeof BY)[number];
const PARTS = ["spenders", "traces", "questions", "quality"] as const;
/** Kept with evaluations, too. */
const WITH_QUALITY: readonly By[] = [
  "project",
  "model",
  "provider",
  "environment",
  "release",
  "prompt_version",
];

export function reviewShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    by: z.enum(BY, { message: `one of ${BY.join(", ")}` }).default("model"),
    parts: namesOf(PARTS).optional(),
    metric: z.string().max(256).default("composite"),
    limit: wholeNumber(1, 100).default(20),
    project: anyOf.optional(),
    environment: anyOf.optional(),
  };
}

const number = z.number().nullable();
const interval = z.looseObject({ value: number, low: number, high: number });

export const reviewAnswer = z.looseObject({
  ...range,
  by: z.string(),
  total: z.looseObject({
    calls: z.number(),
    unpriced_calls: z.number(),
    cost: usd,
    cached_share: number,
  }),
  spenders: z
    .array(
      z.looseObject({
        value: z.string(),
        calls: z.number(),
        unpriced_calls: z.number(),
        cost: usd,
        cost_share: number,
        cost_per_call: number,
        cached_share: number,
        quality: number,
        usd_per_quality_point: interval.nullable(),
      }),
    )
    .optional(),
  traces: z
    .array(
      z.looseObject({
        trace_id: z.string(),
        project: z.string(),
        name: z.string(),
        start: instant,
        calls: z.number(),
        cost: exactUsd,
      }),
    )
    .optional(),
  questions: z
    .looseObject({
      asked: z.number(),
      answered: z.number(),
      usd_per_answered: interval.describe("95 %"),
    })
    .optional(),
  quality: z
    .looseObject({
      metric: z.string(),
      mean: number,
      low: number,
      high: number,
      usd_per_quality_point: interval,
    })
    .nullable()
    .optional(),
});

interface Spent {
  value: string;
  calls: number;
  unpriced_calls: number;
  cost: string | null;
  cost_per_call: number | null;
  cached_share: number | null;
}

interface Asked {
  from: number;
  to: number;
  limit: number;
  metric: string;
  by: By;
  filters: { project: string[] | undefined; environment: string[] | undefined };
}

export async function readReview({
  store,
  query,
  nowMs,
}: ApiCall): Promise<z.input<typeof reviewAnswer>> {
  const {
    parts = PARTS,
    project,
    environment,
    ...rest
  } = readParameters(reviewShape(nowMs), query);
  checkRange(rest.from, rest.to);
  const asked: Asked = { ...rest, filters: { project, environment } };
  const wants = (part: (typeof PARTS)[number]): boolean => parts.some((one) => one === part);
  const [[total], spenders, traces, questions, quality] = await Promise.all([
    readSpent(store, { ...asked, by: "project" }, true),
    wants("spenders") ? readSpent(store, asked, false) : undefined,
    wants("traces") ? readDearest(store, asked) : undefined,
    wants("questions") ? readQuestions(store, asked) : undefined,
    wants("quality") ? readQuality(store, asked) : undefined,
  ]);
  const sum = total ?? NOTHING;
  const overall = quality?.overall;
  return {
    from: new Date(asked.from).toISOString(),
    to: new Date(asked.to).toISOString(),
    by: asked.by,
    total: {
      calls: sum.calls,
      unpriced_calls: sum.unpriced_calls,
      cost: sum.cost,
      cached_share: sum.cached_share,
    },
    ...(spenders && { spenders: spenders.map((one) => spender(one, sum, quality?.byValue)) }),
    ...(traces && { traces }),
    ...(questions && { questions }),
    ...(quality && {
      quality: overall
        ? {
            metric: asked.metric,
            mean: overall.mean,
            low: overall.low,
            high: overall.high,
            usd_per_quality_point: perPoint(sum.cost_per_call, overall),
          }
        : null,
    }),
  };
}

const NOTHING: Spent = {
  value: "",
  calls: 0,
  unpriced_calls: 0,
  cost: null,
  cost_per_call: null,
  cached_share: null,
};

interface Quality {
  mean: number | null;
  low: number | null;
  high: number | null;
}

function spender(one: Spent, total: Spent, qualities: Map<string, Quality> | undefined) {
  const quality = qualities?.get(one.value);
  const whole = Number(total.cost ?? 0);
  return {
    ...one,
    cost_share: whole > 0 && one.cost !== null ? Number(one.cost) / whole : null,
    quality: quality?.mean ?? null,
    usd_per_quality_point: quality?.mean ? perPoint(one.cost_per_call, quality) : null,
  };
}

function perPoint(perCall: number | null, { mean, low, high }: Quality) {
  const over = (share: number | null): number | null =>
    perCall !== null && share ? perCall / share : null;
  return { value: over(mean), low: over(high), high: over(low) };
}

const COLUMNS = (["calls", "unpriced_calls", "cost", "cost_per_call", "cached_share"] as const)
  .map((name) => `${MEASURES[name].sql} AS ${name}`)
  .join(", ");

/** From the coarsest rollup that answers; sessions are in none. */
function readSpent(store: Store, asked: Asked, overall: boolean): Promise<Spent[]> {
  const { by, from, to, limit, filters } = asked;
  if (by === "session") return readSessions(store, asked);
  const given = (["project", "environment"] as const).filter((name) => filters[name]);
  const dimensions: Dimension[] = [...new Set<Dimension>([by, ...given])];
  const tier = chooseTier({ dimensions, fromMs: from, toMs: to, step: undefined });
  const where = [
    `${tier.time} >= toDateTime({from:UInt32}, 'UTC') AND ${tier.time} < toDateTime({to:UInt32}, 'UTC')`,
    ...(tier.sketches ? ["r.is_model_call"] : []),
    ...given.map((name) => `${tier.dimensions[name]} IN {f_${name}:Array(String)}`),
  ].join(" AND ");
  return store.rows<Spent>({
    sql: `SELECT ${overall ? "''" : `toString(${tier.dimensions[by]})`} AS value, ${COLUMNS}
FROM assay.${tier.table} AS r WHERE ${where} ${overall ? "" : "GROUP BY value"} HAVING sum(r.calls) > 0
ORDER BY sum(r.cost) DESC, calls DESC, value LIMIT {limit:UInt32}`,
    parameters: { ...alignRange(from, to, tier.seconds), limit, ...named(filters) },
  });
}

const RANGE =
  "s.event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND s.event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')";

function spansWhere(filters: Asked["filters"]): string {
  const given = (["project", "environment"] as const).filter((name) => filters[name]);
  return [
    RANGE,
    "s.is_model_call",
    ...given.map((name) => `s.${name} IN {f_${name}:Array(String)}`),
  ].join(" AND ");
}

function named(filters: Asked["filters"]): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(filters).flatMap(([name, values]) => (values ? [[`f_${name}`, values]] : [])),
  ) as Record<string, string[]>;
}

function readSessions(store: Store, { from, to, limit, filters }: Asked): Promise<Spent[]> {
  return store.rows<Spent>({
    sql: `SELECT r.value AS value, ${COLUMNS} FROM (
  SELECT s.session_id AS value, toInt64(1) AS calls, toInt64(s.cost IS NULL) AS unpriced_calls,
    ifNull(s.cost, toDecimal128(0, 12)) AS cost, s.cache_read_tokens AS cache_read_tokens, s.input_tokens AS input_tokens
  FROM assay.spans AS s WHERE ${spansWhere(filters)}
) AS r GROUP BY value ORDER BY sum(r.cost) DESC, calls DESC, value LIMIT {limit:UInt32}`,
    parameters: { from, to, limit, ...named(filters) },
  });
}

type Dear = {
  trace_id: string;
  project: string;
  name: string;
  start: string;
  calls: number;
  cost: string;
};

/** By what was spent on all of a trace that began in the range; of an environment, by its calls in the range. */
async function readDearest(store: Store, asked: Asked): Promise<Dear[]> {
  const dearest = await (asked.filters.environment
    ? dearestOfSpans(store, asked)
    : dearestOfIndex(store, asked));
  if (dearest.length === 0) return [];
  const names = await store.rows<{ trace_id: string; name: string }>({
    sql: `SELECT lower(hex(i.trace_id)) AS trace_id, max(i.root_name) AS name FROM assay.trace_index AS i
WHERE i.trace_id IN (SELECT toFixedString(unhex(arrayJoin({traces:Array(String)})), 16)) GROUP BY i.trace_id`,
    parameters: { traces: dearest.map(({ trace_id }) => trace_id) },
  });
  const nameOf = new Map(names.map(({ trace_id, name }) => [trace_id, name]));
  return dearest.map((one) => ({ ...one, name: nameOf.get(one.trace_id) ?? "" }));
}

const DEAR = `SELECT lower(hex(d.trace)) AS trace_id, d.project AS project,
  concat(replaceOne(toString(d.start), ' ', 'T'), 'Z') AS start, toFloat64(d.calls) AS calls, toDecimalString(d.cost, 12) AS cost`;

/** In the order of its key, so that of all traces only one at a time is held in memory. */
function dearestOfIndex(store: Store, { from, to, limit, filters }: Asked): Promise<Dear[]> {
  return store.rows<Dear>({
    sql: `${DEAR} FROM (
  SELECT i.trace_id AS trace, i.project AS project, min(i.start) AS start, sum(i.calls) AS calls, sum(i.cost) AS cost
  FROM assay.trace_index AS i
  WHERE i.day >= toDate(fromUnixTimestamp64Milli({from:Int64}, 'UTC')) - 1 AND i.day <= toDate(fromUnixTimestamp64Milli({to:Int64}, 'UTC')) + 1
    ${filters.project ? "AND i.project IN {f_project:Array(String)}" : ""}
  GROUP BY i.trace_id, i.project
  HAVING cost > 0 AND start >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND start < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
  ORDER BY cost DESC, trace LIMIT {limit:UInt32}
) AS d ORDER BY d.cost DESC, trace_id`,
    parameters: { from, to, limit, ...named({ ...filters, environment: undefined }) },
    inKeyOrder: true,
  });
}

/** A trace has no environment of its own: its spans are asked. */
function dearestOfSpans(store: Store, { from, to, limit, filters }: Asked): Promise<Dear[]> {
  return store.rows<Dear>({
    sql: `${DEAR} FROM (
  SELECT s.trace_id AS trace, s.project AS project, min(s.event_time) AS start, count() AS calls,
    sum(ifNull(s.cost, toDecimal128(0, 12))) AS cost
  FROM assay.spans AS s WHERE ${spansWhere(filters)}
  GROUP BY s.trace_id, s.project HAVING cost > 0 ORDER BY cost DESC, trace LIMIT {limit:UInt32}
) AS d ORDER BY d.cost DESC, trace_id`,
    parameters: { from, to, limit, ...named(filters) },
  });
}

interface QuestionSums {
  n: number;
  x: number;
  y: number;
  xx: number;
  yy: number;
  xy: number;
}

async function readQuestions(store: Store, { from, to, filters }: Asked) {
  const [sums] = await store.rows<QuestionSums>({
    sql: `SELECT toFloat64(count()) AS n, toFloat64(sum(q.x)) AS x, sum(q.y) AS y, toFloat64(sum(q.x * q.x)) AS xx,
  sum(q.y * q.y) AS yy, sum(q.x * q.y) AS xy
FROM (
  SELECT toUInt64(max(s.status = 'ok')) AS x, toFloat64(sum(ifNull(s.cost, toDecimal128(0, 12)))) AS y
  FROM assay.spans AS s
  WHERE ${spansWhere(filters)} AND s.operation IN ('chat', 'generate_content', 'text_completion')
  GROUP BY s.trace_id
) AS q`,
    parameters: { from, to, ...named(filters) },
  });
  const { n = 0, x: answered = 0 } = sums ?? {};
  const found = sums && answered > 0 ? ratioOfSums(sums) : undefined;
  const spread = 1.96 * (found?.standardError ?? 0);
  return {
    asked: n,
    answered,
    usd_per_answered: {
      value: answered > 0 ? sums!.y / answered : null,
      low: found ? Math.max(0, found.ratio - spread) : null,
      high: found ? found.ratio + spread : null,
    },
  };
}

async function readQuality(store: Store, { from, to, by, metric, filters }: Asked) {
  const question = {
    from,
    to,
    step: undefined,
    about: "system" as const,
    metric: [metric],
    filters,
  };
  const dimension = WITH_QUALITY.includes(by) ? (by as QualityDimension) : undefined;
  const [overall, rows] = await Promise.all([
    readQualityOf(store, { ...question, by: [] }),
    dimension ? readQualityOf(store, { ...question, by: [dimension] }) : [],
  ]);
  const qualityOf = (row: Record<string, unknown>): Quality => ({
    mean: row["mean"] as number | null,
    low: row["low"] as number | null,
    high: row["high"] as number | null,
  });
  return {
    overall: overall[0] && qualityOf(overall[0]),
    byValue: new Map(rows.map((row) => [String(row[by]), qualityOf(row)])),
  };
}
