/** A value above a fixed limit. */
import type { Check } from "./definition.ts";
import { durationText } from "./duration.ts";
import type { Sums } from "./measure.ts";
import { quantity } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import { NOTHING, type Verdict, type Window } from "./verdict.ts";
import { effectiveNumber, readWindows, shareOf, valueOf } from "./windows.ts";

export async function findAbove(tick: Tick<"threshold">): Promise<Finding[]> {
  const { check, client } = tick;
  const now = newest(tick, check.test.window);
  const before = { from: now.from - (now.to - now.from), to: now.from };
  const found = await readWindows(client, check, [now]);
  return found.map(({ series, sums: [sums] }) => ({
    series,
    verdict: { ...aboveOf(check, sums, now), compared: { before, now } },
  }));
}

function aboveOf(
  { measure, test }: Pick<Check<"threshold">, "measure" | "test">,
  sums: Sums | undefined,
  window: Window,
): Verdict {
  if (!sums || sums.n === 0) return NOTHING;
  const interval = measure.kind === "ratio" ? shareOf(sums) : undefined;
  const estimate = interval?.share ?? valueOf(measure, sums, window);
  const counted = test.confident && interval ? interval.low : estimate;
  const n = effectiveNumber(sums);
  const about = {
    n: sums.n,
    effectiveN: n,
    estimate,
    low: interval?.low,
    high: interval?.high,
    threshold: test.above,
    statistic: counted,
    statisticLimit: test.above,
  };
  const reason = `${measure.title} is ${quantity(estimate, measure.unit)} over ${durationText(test.window)} (limit ${quantity(test.above, measure.unit)}, ${sums.n} records)`;
  if (n < test.min_n) return { ...about, outcome: "too_few", reason };
  return { ...about, outcome: counted > test.above ? "bad" : "good", reason };
}
