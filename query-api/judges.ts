/**
 * The judges whose scores are stored: how much, how dear, how reliable; and two of them side by side on the records that
 * both judged, with the intervals that so many records allow.
 */
import { cohenKappa, confusionMatrix, krippendorffAlpha } from "@assay/statistics/agreement";
import { kendall, pearson, spearman } from "@assay/statistics/correlation";
import { mcnemar } from "@assay/statistics/mcnemar";
import { twoPhase } from "@assay/statistics/two-phase";
import { z } from "zod";
import { badParameter } from "./errors.ts";
import { anyOf, checkRange, nanos, readParameters, time, type RawQuery } from "./parameters.ts";
import type { Store } from "./store.ts";

const MOST_PAIRS = 50_000;
const HASH = /^[0-9a-f]{4,32}$/;
/** On the scale from 1 to 5, what passes. */
const PASS = 4;

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

const EACH_ONCE = (filters: string): string => `
SELECT * FROM assay.evaluations
WHERE event_time >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Nano({to:Int64}, 'UTC')
  AND role NOT IN ('', 'composite') AND purpose NOT IN ('retest', 'canary', 'sentinel') AND status != 'not_applicable' ${filters}
ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id`;

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
  const judges = await store.rows<JudgeRow>({
    sql: `SELECT judge_hash, name AS metric, evaluator AS judge, strategy, role, toFloat64(count()) AS judgements,
  toFloat64(countIf(status = 'ok')) AS ok, toFloat64(countIf(status = 'failed')) AS failed, toFloat64(countIf(status = 'abstain')) AS abstained,
  toFloat64(countIf(repaired)) AS repaired, toFloat64(avg(cost)) * 1000 AS usd_per_thousand,
  toFloat64(quantile(0.5)(latency_ms)) AS p50_ms, toFloat64(quantile(0.95)(latency_ms)) AS p95_ms
FROM (${EACH_ONCE(filters)}) GROUP BY judge_hash, metric, judge, strategy, role ORDER BY metric, judgements DESC LIMIT 500`,
    parameters,
  });
  const answer = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), judges };
  if (compare === undefined) return answer;
  const [first, second] = pairOf(compare, judges);
  const pairs = await store.rows<{ first: number; second: number }>({
    sql: `SELECT toFloat64(a.score) AS first, toFloat64(b.score) AS second
FROM (${EACH_ONCE("AND status = 'ok' AND score IS NOT NULL AND judge_hash = {first:String}")}) AS a
INNER JOIN (${EACH_ONCE("AND status = 'ok' AND score IS NOT NULL AND judge_hash = {second:String}")}) AS b
  ON a.trace_id = b.trace_id AND a.span_id = b.span_id AND a.name = b.name
LIMIT ${MOST_PAIRS}`,
    parameters: { ...parameters, first: first.judge_hash, second: second.judge_hash },
  });
  return { ...answer, comparison: comparisonOf(first, second, pairs) };
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
  const a = pairs.map((pair) => pair.first);
  const b = pairs.map((pair) => pair.second);
  const n = pairs.length;
  const share = (holds: (one: number, other: number) => boolean): number | null =>
    n === 0 ? null : pairs.filter((pair) => holds(pair.first, pair.second)).length / n;
  const levels = [1, 2, 3, 4, 5];
  const table = confusionMatrix(a, b, levels);
  const kappa = (weights: "nominal" | "quadratic") => {
    const found = n === 0 ? undefined : cohenKappa(table, weights);
    return found ? { kappa: found.kappa, low: found.low, high: found.high } : null;
  };
  const passes = (one: boolean, other: boolean): number =>
    pairs.filter((pair) => pair.first >= PASS === one && pair.second >= PASS === other).length;
  const differences = a.map((value, i) => value - b[i]!);
  const correlation = pearson(a, b);
  return {
    first: first.judge_hash,
    second: second.judge_hash,
    records: n,
    too_few: n < 30,
    exact: share((one, other) => one === other),
    within_one: share((one, other) => Math.abs(one - other) <= 1),
    kappa: kappa("nominal"),
    kappa_quadratic: kappa("quadratic"),
    alpha_ordinal:
      krippendorffAlpha(
        a.map((value, i) => [value, b[i]!]),
        "ordinal",
      ) ?? null,
    pearson: correlation ?? null,
    spearman: spearman(a, b) ?? null,
    kendall: n <= 2_000 ? (kendall(a, b) ?? null) : null,
    /** First less second, on the scale. */
    bias: n === 0 ? null : differences.reduce((sum, one) => sum + one, 0) / n,
    /** Rows: the first's score from 1; columns: the second's. */
    confusion: table,
    passing: {
      both: passes(true, true),
      first_only: passes(true, false),
      second_only: passes(false, true),
      neither: passes(false, false),
      mcnemar_p: mcnemar(passes(true, false), passes(false, true)).p,
    },
    verdict: verdictOf(first, second, correlation),
  };
}

/** Is it worth having the cheaper of the two score many, and the dearer some of those? */
function verdictOf(first: JudgeRow, second: JudgeRow, correlation: number | undefined): string {
  if (correlation === undefined) return "The scores do not vary enough to tell.";
  if (!first.usd_per_thousand || !second.usd_per_thousand)
    return `Correlation ${correlation.toFixed(2)}; what a judgement costs is not known of both.`;
  const [cheap, dear] = [first.usd_per_thousand, second.usd_per_thousand].toSorted((a, b) => a - b);
  const ratio = cheap! / dear!;
  const { relativeCost, auditShare, worthwhile } = twoPhase(correlation, ratio);
  const cost = `The cheaper one costs ${(ratio * 100).toFixed(0)} % of the other, correlation ${correlation.toFixed(2)}`;
  return worthwhile
    ? `${cost}: the cheaper on all and the other on ${(auditShare * 100).toFixed(0)} % of them costs ${(relativeCost * 100).toFixed(0)} % of the other alone, for the same precision.`
    : `${cost}: using both costs more than the dearer one alone.`;
}
