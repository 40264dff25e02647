/**
 * Traffic that stopped: hardly any calls where there usually are many at this hour. A series that is not there at all is
 * the case that matters most, so series come from history and not from the window.
 */
import { median } from "@assay/statistics/robust";
import type { Check } from "./definition.ts";
import { durationText } from "./duration.ts";
import { readUsual, usualHours } from "./history.ts";
import { plain } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import type { Verdict } from "./verdict.ts";
import { readWindows, seriesKey } from "./windows.ts";

const HOUR = 3_600;

export async function findSilent(tick: Tick<"silence">): Promise<Finding[]> {
  const { check, client, at } = tick;
  const now = newest(tick, check.test.window);
  const { weekly, daily } = usualHours(at, check.test.weeks);
  const hours = [...weekly, ...daily];
  const history = await readUsual(tick, hours);
  const current = new Map(
    (await readWindows(client, check, [now])).map(({ series, sums }) => [seriesKey(series), sums]),
  );
  const scale = check.test.window / HOUR;
  return history.map(({ series, sums }) => {
    const counts = (from: number, to: number) =>
      sums.slice(from, to).map((one) => (one?.n ?? 0) * scale);
    const hasWeeks = sums.slice(0, 3).some((one) => one !== undefined);
    // Without weeks yet, every one of the last days must have had traffic at this hour.
    const usual = hasWeeks ? counts(0, weekly.length) : counts(weekly.length, hours.length);
    const n = current.get(seriesKey(series))?.[0]?.n ?? 0;
    return { series, verdict: silenceOf(check.test, n, usual) };
  });
}

function silenceOf(test: Check<"silence">["test"], n: number, usual: readonly number[]): Verdict {
  const expected = median(usual) ?? 0;
  const threshold = expected * test.below;
  const about = { n, effectiveN: n, estimate: n, baseline: expected, threshold };
  const reason = `${plain(n)} calls over ${durationText(test.window)}, usually ${plain(expected)} at this hour`;
  if (expected < test.floor) return { ...about, outcome: "too_few", reason };
  return {
    ...about,
    outcome: n < threshold ? "bad" : "good",
    reason,
    statistic: 1 - n / expected,
    statisticLimit: 1 - test.below,
  };
}
