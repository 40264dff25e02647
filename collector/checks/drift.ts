/**
 * Is it the application or the judge? Sentinels are records that never change and are judged again and again: what moves
 * there is the judge. Each is compared with the median of its own earlier scores, which a bad day does not move: when that is
 * over, the old scores are the usual ones again.
 */
import { studentQuantile } from "@assay/statistics/distributions";
import type { Check } from "./definition.ts";
import { sources } from "./measure.ts";
import { plain } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import type { Verdict } from "./verdict.ts";
import { seriesOf } from "./windows.ts";

const KEPT = 400 * 86_400;
const LEVEL = 0.99;

interface Differences {
  n: number;
  mean: number;
  deviation: number;
}

export async function findDrifting(tick: Tick<"drift">): Promise<Finding[]> {
  const { check, client } = tick;
  const { from, to } = newest(tick, check.test.window);
  const { labels } = sources[check.measure.source];
  const names = ["project", ...check.by];
  const keys = names.map((_, i) => `l${i}`).join(", ");
  const result = await client.query({
    query: `SELECT ${keys}, toFloat64(count()) AS n, avg(d) AS mean, ifNotFinite(stddevSamp(d), 0) AS deviation FROM (
        SELECT ${names.map((name, i) => `toString(${labels[name]!}) AS l${i}`).join(", ")}, trace_id, span_id,
          avgIf(assumeNotNull(norm), evaluated_at >= fromUnixTimestamp({now:UInt32})) - quantileExactInclusiveIf(0.5)(assumeNotNull(norm), evaluated_at < fromUnixTimestamp({now:UInt32})) AS d
        FROM (SELECT * FROM evaluations WHERE purpose = 'sentinel' AND evaluated_at >= fromUnixTimestamp({from:UInt32})
          AND evaluated_at < fromUnixTimestamp({to:UInt32}) ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id)
        WHERE status = 'ok' AND norm IS NOT NULL
        GROUP BY ${keys}, trace_id, span_id
        HAVING countIf(evaluated_at >= fromUnixTimestamp({now:UInt32})) > 0 AND countIf(evaluated_at < fromUnixTimestamp({now:UInt32})) > 0)
      GROUP BY ${keys}`,
    query_params: { from: to - KEPT, now: from, to },
    format: "JSONEachRow",
  });
  const rows = await result.json<Record<string, string | number> & Differences>();
  return rows.map((row) => ({
    series: seriesOf(row, check.by),
    verdict: driftOf(check.test, row),
  }));
}

function driftOf(test: Check<"drift">["test"], { n, mean, deviation }: Differences): Verdict {
  const about = {
    n,
    effectiveN: n,
    estimate: mean,
    baseline: 0,
    threshold: Math.sign(mean || 1) * test.margin,
  };
  if (n < Math.max(2, test.min_n))
    return { ...about, outcome: "too_few", reason: `${n} sentinels: ${test.min_n} are needed` };
  const standardError = deviation / Math.sqrt(n);
  const half = studentQuantile((1 + LEVEL) / 2, n - 1) * standardError;
  const moved = Math.abs(mean) > half && Math.abs(mean) > test.margin;
  return {
    ...about,
    outcome: moved ? "bad" : "good",
    reason: `${n} records that never change are scored ${plain(mean)} ${mean < 0 ? "lower" : "higher"} than they were`,
    low: mean - half,
    high: mean + half,
    statistic: standardError > 0 ? Math.abs(mean) / standardError : undefined,
    detectable: 2.8 * standardError,
  };
}
