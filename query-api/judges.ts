/**
 * The judges whose scores are stored: how much, how dear, how reliable; and two of them side by side on the records that
 * both judged, with the intervals that so many records allow.
 */
import { compareJudges } from "@assay/statistics/judge-comparison";
import { twoPhaseVerdict } from "@assay/statistics/two-phase";
import { z } from "zod";
import { comparisonFields } from "./comparison-fields.ts";
import { badParameter } from "./errors.ts";
import { anyOf, checkRange, nanos, readParameters, time, type RawQuery } from "./parameters.ts";
import { NO_TRUST, readTrust } from "./judge-trust.ts";
import type { Store } from "./store.ts";

const MOST_PAIRS = 50_000;
const HASH = /^[0-9a-f]{4,32}$/;

export function judgesShape(nowMs: number) {
  return {
    from: time(nowMs),
    to: time(nowMs),
    project: anyOf.optional(),
    metric: anyOf.optional(),
    compare: z.string().optional(),
  };
}

interface JudgeRow {
  judge_hash: string;
  metric: string;
  judge: string;
  strategy: string;
  role: string;
  judgements: number;
  ok: number;
  failed: number;
  abstained: number;
  repaired: number;
  usd_per_thousand: number | null;
  p50_ms: number;
  p95_ms: number;
}

const EACH_ONCE = (filters: string, withRetests = false): string => `
SELECT * FROM assay.evaluations
WHERE event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
  AND role NOT IN ('', 'composite', 'human') AND purpose NOT IN ('experiment', 'canary', 'sentinel'${withRetests ? "" : ", 'retest'"}) AND status != 'not_applicable' ${filters}
ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id`;

/** A judge's one score of a record: what it says when asked again is another matter. */
const SCORED_ONCE =
  "AND status = 'ok' AND score IS NOT NULL AND purpose IN ('', 'traffic', 'audit', 'shadow')";

export async function readJudges(
  store: Store,
  query: RawQuery,
  nowMs: number,
): Promise<Record<string, unknown>> {
  const { from, to, project, metric, compare } = readParameters(judgesShape(nowMs), query);
  checkRange(from, to);
  const filters = [
    ...(project ? ["AND project IN {f_project:Array(String)}"] : []),
    ...(metric ? ["AND name IN {f_metric:Array(String)}"] : []),
  ].join(" ");
  const parameters = {
    from: nanos(from),
    to: nanos(to),
    ...(project && { f_project: project }),
    ...(metric && { f_metric: metric }),
  };
  const where = `event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC') ${filters}`;
  const [judges, { trust, ensembles, fingerprints }] = await Promise.all([
    judgeRows(store, filters, parameters),
    readTrust(store, { where, scores: EACH_ONCE(filters, true), parameters }),
  ]);
  const answer = {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    judges: judges.map((judge) => ({
      ...judge,
      ...(trust.get(`${judge.judge_hash}/${judge.metric}`) ?? NO_TRUST),
    })),
    ensembles,
    fingerprints,
  };
  if (compare === undefined) return answer;
  const [first, second] = pairOf(compare, judges);
  const pairs = await store.rows<{ first: number; second: number }>({
    sql: `SELECT toFloat64(a.score) AS first, toFloat64(b.score) AS second
FROM (${EACH_ONCE(`${SCORED_ONCE} AND judge_hash = {first:String}`)}) AS a
INNER JOIN (${EACH_ONCE(`${SCORED_ONCE} AND judge_hash = {second:String}`)}) AS b
  ON a.trace_id = b.trace_id AND a.span_id = b.span_id AND a.name = b.name
LIMIT ${MOST_PAIRS}`,
    parameters: { ...parameters, first: first.judge_hash, second: second.judge_hash },
  });
  return { ...answer, comparison: comparisonOf(first, second, pairs) };
}

function judgeRows(
  store: Store,
  filters: string,
  parameters: Record<string, unknown>,
): Promise<JudgeRow[]> {
  return store.rows<JudgeRow>({
    sql: `SELECT judge_hash, name AS metric, evaluator AS judge, strategy, role, toFloat64(count()) AS judgements,
  toFloat64(countIf(status = 'ok')) AS ok, toFloat64(countIf(status = 'failed')) AS failed, toFloat64(countIf(status = 'abstain')) AS abstained,
  toFloat64(countIf(repaired)) AS repaired, toFloat64(avg(cost)) * 1000 AS usd_per_thousand,
  toFloat64(quantile(0.5)(latency_ms)) AS p50_ms, toFloat64(quantile(0.95)(latency_ms)) AS p95_ms
FROM (${EACH_ONCE(filters)}) GROUP BY judge_hash, metric, judge, strategy, role ORDER BY metric, judgements DESC LIMIT 500`,
    parameters,
  });
}

/** Two hashes, or beginnings of them that only one judge has. */
function pairOf(compare: string, judges: readonly JudgeRow[]): [JudgeRow, JudgeRow] {
  const expected = "two hashes of judges in this range, separated by a comma";
  const [one, other, ...more] = compare.split(",").map((hash) => {
    if (!HASH.test(hash)) throw badParameter("compare", expected, compare.slice(0, 200));
    const found = judges.filter(({ judge_hash }) => judge_hash.startsWith(hash));
    if (found.length !== 1) throw badParameter("compare", expected, hash);
    return found[0]!;
  });
  if (!one || !other || more.length > 0)
    throw badParameter("compare", expected, compare.slice(0, 200));
  return [one, other];
}

function comparisonOf(
  first: JudgeRow,
  second: JudgeRow,
  pairs: readonly { first: number; second: number }[],
): Record<string, unknown> {
  const found = compareJudges(
    pairs.map((pair) => pair.first),
    pairs.map((pair) => pair.second),
  );
  return {
    first: first.judge_hash,
    second: second.judge_hash,
    ...comparisonFields(found),
    verdict: twoPhaseVerdict(found.pearson?.value, [
      first.usd_per_thousand,
      second.usd_per_thousand,
    ]),
  };
}
