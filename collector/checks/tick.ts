/** What a test is given, and what it gives. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { Check, TestKind } from "./definition.ts";
import { sources } from "./measure.ts";
import type { Verdict, Window } from "./verdict.ts";
import type { Series } from "./windows.ts";

export interface Tick<Kind extends TestKind = TestKind> {
  check: Check<Kind>;
  /** End of the newest window, unix seconds of event time. */
  at: number;
  client: ClickHouseClient;
  /** What the test's memory of a series was at the tick before, and when that was. */
  memory: (series: Series) => { at: number; memory: unknown } | undefined;
  /** What was loaded under this name before, or is now; of one check only the last is remembered. */
  remembered: <T>(name: string, load: () => Promise<T>) => Promise<T>;
}

export interface Finding {
  series: Series;
  verdict: Verdict;
}

/** The newest window of this length, on the source's grain. */
export function newest(
  { check, at }: { check: Pick<Check, "measure">; at: number },
  seconds: number,
): Window {
  const { grain } = sources[check.measure.source];
  const to = at - (at % grain);
  return { from: to - seconds, to };
}
