/** Reads a measure's sums for several windows of event time at once, one row for each series and window. */
import type { ClickHouseClient } from "@clickhouse/client";
import { hajekFromSums, type Estimate } from "@assay/statistics/estimate";
import { wilson } from "@assay/statistics/proportion";
import type { Check } from "./definition.ts";
import { sources, type Measure, type Sums } from "./measure.ts";
import type { Window } from "./verdict.ts";

export interface Series {
  project: string;
  /** Without the project. */
  labels: Readonly<Record<string, string>>;
}

export interface WindowedSeries {
  series: Series;
  /** In the order of the windows; undefined: no record. */
  sums: readonly (Sums | undefined)[];
}

export type Rollup = "llm_1m" | "llm_1h";

/** `model=gpt-4o,service=web`: the same for the same labels. */
export function seriesName({ labels }: Series): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join(",");
}

export function seriesKey(series: Series): string {
  return `${series.project}\0${seriesName(series)}`;
}

export interface Scope {
  measure: Measure;
  /** All projects together: the series' project is empty. */
  across_projects?: boolean;
  by: readonly string[];
  where: Check["where"];
}

/** @param only one series; without it, all */
export async function readWindows(
  client: ClickHouseClient,
  { measure, by, where, across_projects: across = false }: Scope,
  windows: readonly Window[],
  { rollup = "llm_1m", only }: { rollup?: Rollup; only?: Series } = {},
): Promise<WindowedSeries[]> {
  const source = sources[measure.source];
  const names = ["project", ...by];
  const columns = names.map((name, i) =>
    across && name === "project" ? `'' AS l${i}` : `toString(${source.labels[name]!}) AS l${i}`,
  );
  const keys = names.map((_, i) => `l${i}`).join(", ");
  const filters = [
    "ts >= fromUnixTimestamp({from:UInt32}) AND ts < fromUnixTimestamp({to:UInt32})",
    ...(measure.where ? [measure.where] : []),
    ...Object.keys(where).map((name, i) => `${source.labels[name]!} IN {where${i}:Array(String)}`),
    ...(only
      ? names.flatMap((name, i) =>
          across && name === "project"
            ? []
            : [`toString(${source.labels[name]!}) = {only${i}:String}`],
        )
      : []),
  ];
  const query = `SELECT ${columns.join(", ")}, arrayJoin(arrayFilter(i -> ts >= fromUnixTimestamp({froms:Array(UInt32)}[i]) AND ts < fromUnixTimestamp({tos:Array(UInt32)}[i]), arrayEnumerate({froms:Array(UInt32)}))) AS w,
      ${sumColumns(measure)}
    FROM ${tableOf(source.from, rollup)} WHERE ${filters.join(" AND ")}
    GROUP BY ${keys}, w`;
  const result = await client.query({
    query,
    query_params: {
      from: Math.min(...windows.map(({ from }) => from)),
      to: Math.max(...windows.map(({ to }) => to)),
      froms: windows.map(({ from }) => from),
      tos: windows.map(({ to }) => to),
      ...Object.fromEntries(Object.values(where).map((values, i) => [`where${i}`, values])),
      ...(only && onlyParams(names, only)),
    },
    format: "JSONEachRow",
  });
  return grouped(await result.json<SumRow>(), by, windows.length);
}

function tableOf(from: string, rollup: Rollup): string {
  return from
    .replace("{table}", rollup)
    .replace(
      "{outcomes}",
      rollup === "llm_1m"
        ? "outcomes_1m"
        : "(SELECT * REPLACE toStartOfHour(ts) AS ts FROM outcomes_1m)",
    );
}

function onlyParams(names: readonly string[], only: Series): Record<string, string> {
  const values = names.map((name) => (name === "project" ? only.project : only.labels[name]!));
  return Object.fromEntries(values.map((value, i) => [`only${i}`, value]));
}

type SumRow = Record<string, string> & Sums & { w: never };

function sumColumns({ sums }: Measure): string {
  const n = sums.n ?? "count()";
  const all: Record<keyof Sums, string> = {
    n,
    w: n,
    w2: n,
    wy: "0",
    w2y: sums.wy ?? "0",
    w2y2: sums.wy ?? "0",
    quantile: "0",
    ...sums,
  };
  return Object.entries(all)
    .map(([name, sql]) => `ifNotFinite(toFloat64(${sql}), 0) AS s_${name}`)
    .join(", ");
}

function grouped(
  rows: readonly Record<string, string | number>[],
  by: readonly string[],
  windows: number,
): WindowedSeries[] {
  const found = new Map<string, { series: Series; sums: (Sums | undefined)[] }>();
  for (const row of rows) {
    const series = seriesOf(row, by);
    const key = seriesKey(series);
    const entry = found.get(key) ?? {
      series,
      sums: Array.from({ length: windows }, () => undefined),
    };
    found.set(key, entry);
    const sum = (name: keyof Sums): number => Number(row[`s_${name}`]);
    entry.sums[Number(row["w"]) - 1] = {
      n: sum("n"),
      w: sum("w"),
      w2: sum("w2"),
      wy: sum("wy"),
      w2y: sum("w2y"),
      w2y2: sum("w2y2"),
      quantile: sum("quantile"),
    };
  }
  return [...found.values()];
}

/** Of a row whose labels are columns l0 (the project), l1, l2 … */
export function seriesOf(row: Record<string, string | number>, by: readonly string[]): Series {
  return {
    project: String(row["l0"]),
    labels: Object.fromEntries(by.map((name, i) => [name, String(row[`l${i + 1}`])])),
  };
}

/** The measure's value in a window. */
export function valueOf(measure: Measure, sums: Sums, { from, to }: Window): number {
  if (measure.kind === "quantile") return sums.quantile;
  if (measure.kind === "count") return sums.n;
  if (measure.kind === "rate") return (sums.wy * 3_600) / (to - from);
  return sums.w === 0 ? 0 : sums.wy / sums.w;
}

/** Kish: as many records of one weight would tell as much. */
export function effectiveNumber({ w, w2 }: Sums): number {
  return w2 === 0 ? 0 : (w * w) / w2;
}

/** A share with Wilson's interval at its effective number. */
export function shareOf(sums: Sums, level = 0.95): { share: number; low: number; high: number } {
  const trials = effectiveNumber(sums);
  if (trials === 0) return { share: 0, low: 0, high: 1 };
  const share = Math.min(1, Math.max(0, sums.wy / sums.w));
  return { share, ...wilson(share * trials, trials, level) };
}

/** The system's mean: what it would give of more such records. */
export function meanOf(sums: Sums, level = 0.95): Estimate | undefined {
  const { n, w, w2, wy, w2y, w2y2 } = sums;
  return hajekFromSums({ n, w, w2, wy, v: w2, vy: w2y, vy2: w2y2 }, { level });
}
