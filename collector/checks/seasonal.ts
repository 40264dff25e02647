/**
 * Much more than is usual at this hour of the week: robust deviations above the median of the same hours of earlier weeks, and a
 * ratio, and an amount that matters.
 *
 * The spread of history is not believed to be less than what chance alone does to as few records as the window usually
 * holds (a relative `CALL_SPREAD` per call), nor less than a tenth of the median.
 */
import { normalCdf } from "@assay/statistics/distributions";
import { robustDeviation } from "@assay/statistics/robust";
import type { Check } from "./definition.ts";
import { durationText } from "./duration.ts";
import { readUsual, usualHours } from "./history.ts";
import type { Measure, Sums } from "./measure.ts";
import { plain, quantity } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import { NOTHING, type Verdict, type Window } from "./verdict.ts";
import { readWindows, valueOf } from "./windows.ts";

const LEAST_RELATIVE_SPREAD = 0.1;
/** Costs and lengths of calls vary about as much as they are. */
const CALL_SPREAD = 1.4;
/** Hours of history that a median needs; a week's three hours and two days' are. */
const LEAST_HISTORY = 3;
const HOUR = 3_600;

export async function findUnusual(tick: Tick<"seasonal">): Promise<Finding[]> {
  const { check, client, at } = tick;
  const now = newest(tick, check.test.window);
  const found = await readWindows(client, check, [now]);
  if (found.length === 0) return [];
  const { weekly, daily } = usualHours(at, check.test.weeks);
  const hours = [...weekly, ...daily];
  const history = await readUsual(tick, hours);
  const bySeries = new Map(history.map(({ series, sums }) => [keyOf(series), sums]));
  return found.map(({ series, sums: [sums] }) => {
    const past = bySeries.get(keyOf(series)) ?? [];
    const inWeeks = past.slice(0, weekly.length).filter((one) => one !== undefined);
    const inDays = past.slice(weekly.length).filter((one) => one !== undefined);
    const usual = inWeeks.length >= LEAST_HISTORY ? inWeeks : inDays;
    const verdict = unusualOf(check, sums, usual, now);
    return { series, verdict: { ...verdict, compared: { before: hours[1], now } } };
  });
}

function keyOf({ project, labels }: Finding["series"]): string {
  return JSON.stringify([project, labels]);
}

/** @param usual sums of whole hours */
function unusualOf(
  { measure, test }: Pick<Check<"seasonal">, "measure" | "test">,
  sums: Sums | undefined,
  usual: readonly Sums[],
  window: Window,
): Verdict {
  if (!sums || sums.n === 0) return NOTHING;
  const estimate = valueOf(measure, sums, window);
  const about = { n: sums.n, effectiveN: sums.n, estimate };
  if (sums.n < test.min_n)
    return {
      ...about,
      outcome: "too_few",
      reason: `${plain(sums.n)} records over ${durationText(test.window)}: ${test.min_n} are needed to tell`,
    };
  if (usual.length < LEAST_HISTORY)
    return { ...about, outcome: "too_few", reason: "there is no history of this hour yet" };
  const values = usual.map((one) => valueOf(measure, one, { from: 0, to: HOUR }));
  const { median, spread, deviations } = robustDeviation(
    estimate,
    values,
    leastSpread(measure, usual, values, window),
  )!;
  const threshold = Math.max(
    median * test.ratio,
    median + test.floor,
    median + test.deviations * spread,
  );
  return {
    ...about,
    outcome: estimate >= threshold ? "bad" : "good",
    reason:
      `${measure.title} is ${quantity(estimate, measure.unit)} over ${durationText(test.window)}, usually ${quantity(median, measure.unit)} at this hour` +
      ` (${median > 0 ? `${plain(estimate / median)} times, ` : ""}limit ${quantity(threshold, measure.unit)})`,
    low: estimate - 1.96 * spread,
    high: estimate + 1.96 * spread,
    baseline: median,
    threshold,
    statistic: Math.min(deviations, 1e6),
    statisticLimit: spread === 0 ? 0 : (threshold - median) / spread,
    detectable: threshold - median,
    p: 1 - normalCdf(Math.min(deviations, 30)),
  };
}

function leastSpread(
  measure: Measure,
  usual: readonly Sums[],
  values: readonly number[],
  { from, to }: Window,
): number {
  const middle = (list: readonly number[]): number =>
    list.toSorted((a, b) => a - b)[list.length >> 1]!;
  const expected = Math.max(1, (middle(usual.map(({ n }) => n)) * (to - from)) / HOUR);
  // Of a P95, only the calls about it decide: it varies more than a mean.
  const perCall = measure.kind === "quantile" ? CALL_SPREAD * 1.5 : CALL_SPREAD;
  const byChance = perCall / Math.sqrt(expected);
  return middle(values) * Math.hypot(LEAST_RELATIVE_SPREAD, byChance);
}
