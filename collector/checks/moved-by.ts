/**
 * What moved a number: the dimension whose segments say most, and how much of the change is segments getting worse and
 * how much is a changed mix of them.
 */
import type { ClickHouseClient } from "@clickhouse/client";
import { mixShift } from "@assay/statistics/mix-shift";
import type { Check } from "./definition.ts";
import { sources, type Measure, type Sums } from "./measure.ts";
import type { Window } from "./verdict.ts";
import { readWindows, valueOf, type Series } from "./windows.ts";

export interface MovedBy {
  dimension: string;
  /** Of the change: segments' own, and the mix of them; null where the number is a sum and has no mix. */
  rate: number | null;
  mix: number | null;
  segments: { value: string; before: number | null; now: number | null; contribution: number }[];
}

const MOST_SEGMENTS = 5;
const DIMENSIONS = ["model", "release", "environment", "service", "stratum"];

/** Undefined where there is nothing to tell apart. */
export async function readMovedBy(
  client: ClickHouseClient,
  check: Check,
  { series, before, now }: { series: Series; before: Window; now: Window },
): Promise<MovedBy | undefined> {
  const { measure, by } = check;
  if (measure.kind === "quantile" || measure.kind === "count") return undefined;
  const known = sources[measure.source].labels;
  const free = DIMENSIONS.filter((name) => name in known && !by.includes(name));
  const found = await Promise.all(
    free.map(async (dimension) => {
      const scope = { measure, by: [...by, dimension], where: check.where };
      // One query of the same shape per dimension; the series' own labels are picked here.
      const rows = (await readWindows(client, scope, [before, now])).filter(
        (row) =>
          row.series.project === series.project &&
          by.every((name) => row.series.labels[name] === series.labels[name]),
      );
      const segments = rows.map((row) => ({
        value: row.series.labels[dimension]!,
        before: row.sums[0],
        now: row.sums[1],
      }));
      return segments.length < 2
        ? undefined
        : movedBy(measure, dimension, segments, { before, now });
    }),
  );
  return found
    .filter((one) => one !== undefined)
    .reduce<MovedBy | undefined>(
      (best, one) => (!best || concentration(one) > concentration(best) ? one : best),
      undefined,
    );
}

interface Segment {
  value: string;
  before: Sums | undefined;
  now: Sums | undefined;
}

function movedBy(
  measure: Measure,
  dimension: string,
  segments: readonly Segment[],
  windows: { before: Window; now: Window },
): MovedBy {
  const value = (sums: Sums | undefined, window: Window): number | null =>
    sums && sums.n > 0 ? valueOf(measure, sums, window) : null;
  const values = segments.map((one) => ({
    value: one.value,
    before: value(one.before, windows.before),
    now: value(one.now, windows.now),
  }));
  if (measure.kind === "rate") {
    const all = values.map((one) => ({ ...one, contribution: (one.now ?? 0) - (one.before ?? 0) }));
    return { dimension, rate: null, mix: null, segments: largest(all) };
  }
  const shares = (key: "before" | "now") => {
    const whole = segments.reduce((sum, one) => sum + (one[key]?.w ?? 0), 0);
    return segments.flatMap((one, i) => {
      const mean = values[i]![key];
      return mean === null ? [] : [{ segment: one.value, share: one[key]!.w / whole, mean }];
    });
  };
  const shift = mixShift(shares("before"), shares("now"));
  const contributions = new Map(shift.segments.map((one) => [one.segment, one.rate + one.mix]));
  const all = values.map((one) => ({ ...one, contribution: contributions.get(one.value) ?? 0 }));
  return { dimension, rate: shift.rate, mix: shift.mix, segments: largest(all) };
}

function largest(segments: MovedBy["segments"]): MovedBy["segments"] {
  const size = ({ contribution }: { contribution: number }) => Math.abs(contribution);
  return segments.toSorted((a, b) => size(b) - size(a)).slice(0, MOST_SEGMENTS);
}

/** How much of the movement is in one segment. */
function concentration({ segments }: MovedBy): number {
  const sizes = segments.map(({ contribution }) => Math.abs(contribution));
  const whole = sizes.reduce((sum, one) => sum + one, 0);
  return whole === 0 ? 0 : sizes[0]! / whole;
}
