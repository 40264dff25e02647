/** A value above a fixed limit, or below one. */
import type { Check } from "./definition.ts";
import { durationText } from "./duration.ts";
import type { Measure, Sums } from "./measure.ts";
import { quantity } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import { NOTHING, type Verdict, type Window } from "./verdict.ts";
import { effectiveNumber, meanOf, readWindows, shareOf, valueOf } from "./windows.ts";

export async function findBeyond(tick: Tick<"threshold">): Promise<Finding[]> {
  const { check, client } = tick;
  const now = newest(tick, check.test.window);
  const before = { from: now.from - (now.to - now.from), to: now.from };
  const found = await readWindows(client, check, [now]);
  return found.map(({ series, sums: [sums] }) => ({
    series,
    verdict: { ...beyondOf(check, sums, now), compared: { before, now } },
  }));
}

function beyondOf(
  { measure, test }: Pick<Check<"threshold">, "measure" | "test">,
  sums: Sums | undefined,
  window: Window,
): Verdict {
  // That there is none of what is counted is known; of a mean or a share nothing is.
  if (!sums || (sums.n === 0 && measure.kind !== "count")) return NOTHING;
  const { estimate, low, high } = estimateOf(measure, sums, window);
  const isBelow = test.below !== undefined;
  const limit = test.below ?? test.above!;
  const counted = test.confident ? ((isBelow ? high : low) ?? estimate) : estimate;
  const n = effectiveNumber(sums);
  const about = {
    n: sums.n,
    effectiveN: n,
    estimate,
    low,
    high,
    threshold: limit,
    statistic: counted,
    statisticLimit: limit,
  };
  const reason = `${measure.title} is ${quantity(estimate, measure.unit)} over ${durationText(test.window)} (limit ${quantity(limit, measure.unit)}, ${sums.n} records)`;
  if (n < test.min_n && measure.kind !== "count") return { ...about, outcome: "too_few", reason };
  const isBad = isBelow ? counted < limit : counted > limit;
  return { ...about, outcome: isBad ? "bad" : "good", reason };
}

function estimateOf(
  measure: Measure,
  sums: Sums,
  window: Window,
): { estimate: number; low?: number | undefined; high?: number | undefined } {
  if (measure.kind === "ratio") {
    const { share, low, high } = shareOf(sums);
    return { estimate: share, low, high };
  }
  const mean = measure.kind === "mean" ? meanOf(sums) : undefined;
  return {
    estimate: valueOf(measure, sums, window),
    low: mean?.low ?? undefined,
    high: mean?.high ?? undefined,
  };
}
