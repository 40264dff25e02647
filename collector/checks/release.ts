/** The newest release against the one before it: a Welch test of their weighted means, with a margin that does not matter. */
import { welch } from "@assay/statistics/compare-means";
import type { Check } from "./definition.ts";
import type { Sums } from "./measure.ts";
import { plain, quantity } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import type { Verdict } from "./verdict.ts";
import { meanOf, readWindows, seriesKey, type Series } from "./windows.ts";

interface Release {
  name: string;
  sums: Sums;
  firstSeen: number;
}

/** One-sided. It is looked at again and again, so rarer than usual. */
const LEVEL = 0.01;

export async function findWorseReleases(tick: Tick<"release">): Promise<Finding[]> {
  const { check, client } = tick;
  const window = newest(tick, check.test.window);
  // The sums' place for a quantile carries when the release was first seen.
  const sums = { ...check.measure.sums, quantile: "toUnixTimestamp(min(ts))" };
  const scope = {
    measure: { ...check.measure, sums },
    by: [...check.by, "release"],
    where: check.where,
  };
  const bySeries = new Map<string, { series: Series; releases: Release[] }>();
  for (const row of await readWindows(client, scope, [window])) {
    const { release = "", ...labels } = row.series.labels;
    const series = { project: row.series.project, labels };
    const entry = bySeries.get(seriesKey(series)) ?? { series, releases: [] };
    bySeries.set(seriesKey(series), entry);
    const [one] = row.sums;
    if (one && release !== "")
      entry.releases.push({ name: release, sums: one, firstSeen: one.quantile });
  }
  return [...bySeries.values()].flatMap(({ series, releases }) => {
    const verdict = worseOf(check.test, releases);
    return verdict ? [{ series, verdict }] : [];
  });
}

/** Undefined where there is one release only. */
function worseOf(
  test: Check<"release">["test"],
  releases: readonly Release[],
): Verdict | undefined {
  const [now, before] = releases.toSorted((a, b) => b.firstSeen - a.firstSeen);
  if (!now || !before) return undefined;
  const [a, b] = [groupOf(now.sums), groupOf(before.sums)];
  const about = { n: now.sums.n, effectiveN: a?.n ?? 0, estimate: a?.mean, baseline: b?.mean };
  const names = `release ${now.name} against ${before.name}`;
  const result = a && b && Math.min(a.n, b.n) >= test.min_n ? welch(a, b) : undefined;
  if (!result || !a || !b)
    return {
      ...about,
      outcome: "too_few",
      reason: `${names}: ${test.min_n} scores of each are needed`,
    };
  const p = result.t < 0 ? result.p / 2 : 1 - result.p / 2;
  return {
    ...about,
    outcome: p <= LEVEL && result.difference < -test.margin ? "bad" : "good",
    reason: `${names}: ${quantity(a.mean, "score")} against ${quantity(b.mean, "score")}, a difference of ${plain(result.difference)} (95 %: ${plain(result.low)} to ${plain(result.high)})`,
    low: b.mean + result.low,
    high: b.mean + result.high,
    threshold: b.mean - test.margin,
    statistic: -result.t,
    detectable:
      2.8 * Math.hypot(a.standardDeviation / Math.sqrt(a.n), b.standardDeviation / Math.sqrt(b.n)),
    p,
  };
}

function groupOf(sums: Sums): { mean: number; standardDeviation: number; n: number } | undefined {
  const estimate = meanOf(sums);
  if (!estimate || estimate.standardError === null) return undefined;
  const { mean, standardError, effectiveN } = estimate;
  return { mean, standardDeviation: standardError * Math.sqrt(effectiveN), n: effectiveN };
}
