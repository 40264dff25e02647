/** Money against a month's budget: the pace of this hour, or what the month will come to at its pace so far. */
import type { Check } from "./definition.ts";
import { quantity } from "./numbers.ts";
import { newest, type Finding, type Tick } from "./tick.ts";
import { NOTHING, type Verdict } from "./verdict.ts";
import { readWindows } from "./windows.ts";
import type { Sums } from "./measure.ts";

const DAY = 86_400;
/** A forecast from less than this would be one of the first hours. */
const LEAST_OF_MONTH = 2 * DAY;

export async function findOverspent(tick: Tick<"budget">): Promise<Finding[]> {
  const { check, client, at } = tick;
  const month = monthOf(at);
  const isForecast = check.test.of === "forecast";
  const now = isForecast ? { from: month.from, to: at } : newest(tick, check.test.window);
  const options = isForecast ? ({ rollup: "llm_1h" } as const) : {};
  const found = await readWindows(client, check, [now], options);
  const length = month.to - month.from;
  return found.map(({ series, sums: [sums] }) => ({
    series,
    verdict: overspentOf(check.test, sums, { seconds: now.to - now.from, month: length }),
  }));
}

/** The calendar month, UTC. */
function monthOf(at: number): { from: number; to: number } {
  const date = new Date(at * 1_000);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  return { from: Date.UTC(year, month) / 1_000, to: Date.UTC(year, month + 1) / 1_000 };
}

function overspentOf(
  test: Check<"budget">["test"],
  sums: Sums | undefined,
  { seconds, month }: { seconds: number; month: number },
): Verdict {
  const monthly = test.monthly_usd;
  if (!sums || sums.n === 0 || monthly === undefined || seconds <= 0) return NOTHING;
  const estimate = (sums.wy / seconds) * month;
  const about = {
    n: sums.n,
    effectiveN: sums.n,
    estimate,
    baseline: monthly,
    threshold: monthly * test.above,
    statistic: estimate / monthly,
    statisticLimit: test.above,
    reason: `at this pace the month comes to ${quantity(estimate, "usd")}, of a budget of ${quantity(monthly, "usd")}; spent ${quantity(sums.wy, "usd")}`,
  };
  if (test.of === "forecast" && seconds < LEAST_OF_MONTH && sums.wy < monthly)
    return { ...about, outcome: "too_few", reason: `the month is young: ${about.reason}` };
  return { ...about, outcome: estimate >= monthly * test.above ? "bad" : "good" };
}
