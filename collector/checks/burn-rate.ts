/**
 * How fast the error budget burns: the share that is bad, over the share that may be. Bad when it burns faster than allowed over
 * a long window, so that it matters, and over a short one, so that it is still going on.
 *
 * A short window with so few records that a single bad one would burn as fast says nothing.
 */
import type { TestOf } from "./definition.ts";
import type { Sums } from "./measure.ts";
import { plain, quantity } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import { NOTHING, type Verdict } from "./verdict.ts";
import { effectiveNumber, readWindows, shareOf } from "./windows.ts";
import { durationText } from "./duration.ts";

type Pair = TestOf<"burn-rate">["windows"][number];

export async function findBurning(tick: Tick<"burn-rate">): Promise<Finding[]> {
  const { check, client } = tick;
  const pairs = check.test.windows;
  const windows = pairs.flatMap(({ long, short }) => [newest(tick, long), newest(tick, short)]);
  const found = await readWindows(client, check, windows);
  return found.map(({ series, sums }) => {
    const verdicts = pairs.map((pair, i) => burnOf(check.test, pair, sums[2 * i], sums[2 * i + 1]));
    const worst = verdicts.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    const now = newest(tick, pairs[verdicts.indexOf(worst)]!.long);
    const length = now.to - now.from;
    const before = { from: now.from - length, to: now.from };
    return { series, verdict: { ...worst, compared: { before, now } } };
  });
}

/** Bad before good before unknown; of two, the one that burns faster for what it may. */
function rank({ outcome, statistic = 0, statisticLimit = 1 }: Verdict): number {
  const order = { bad: 3, good: 2, too_few: 1, no_data: 0 }[outcome];
  return order * 1e6 + Math.min(1e5, statistic / statisticLimit);
}

function burnOf(
  test: TestOf<"burn-rate">,
  { burn, long, short }: Pair,
  longSums: Sums | undefined,
  shortSums: Sums | undefined,
): Verdict {
  if (!longSums || longSums.n === 0) return NOTHING;
  const budget = 1 - test.objective;
  const { share, low, high } = shareOf(longSums);
  const now = shortSums ? shareOf(shortSums) : { share: 0, low: 0 };
  const counted = test.confident ? Math.min(low, now.low) : Math.min(share, now.share);
  const about: Verdict = {
    outcome: "good",
    reason: `${quantity(share, "ratio")} are bad over ${durationText(long)}, ${quantity(now.share, "ratio")} over ${durationText(short)}: ${plain(counted / budget)} times what the budget allows (limit ${burn})`,
    n: longSums.n,
    effectiveN: effectiveNumber(longSums),
    estimate: share,
    low,
    high,
    baseline: budget,
    threshold: Math.min(1, burn * budget),
    statistic: counted / budget,
    statisticLimit: burn,
  };
  const least = Math.max(test.min_n, Math.ceil(1 / (burn * budget)));
  const inShort = shortSums ? effectiveNumber(shortSums) : 0;
  if (inShort < least)
    return {
      ...about,
      outcome: inShort === 0 ? "no_data" : "too_few",
      reason: `${plain(inShort)} records over ${durationText(short)}: ${least} are needed to tell`,
    };
  return { ...about, outcome: counted / budget >= burn ? "bad" : "good" };
}
