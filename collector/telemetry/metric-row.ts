/**
 * Metrics as rows: name, help, and how to read the value from a stage's plain `stats()`.
 *
 * Stages count for themselves and know nothing of Prometheus; the numbers are read when somebody scrapes. A source that
 * is not there yet (the store starts after the receiver) shows no samples rather than zeros.
 */
import { Counter, Gauge, type Registry } from "prom-client";

export interface MetricRow<Stats> {
  name: string;
  help: string;
  /** A counter only goes up, but for a restart. */
  type: "counter" | "gauge";
  /** Same for all samples. */
  labels?: Readonly<Record<string, string>>;
  /** Name of the label whose values are the keys that `value` gives. */
  by?: string;
  value: (stats: Stats) => number | Iterable<readonly [labelValue: string, value: number]>;
}

export function register<Stats>(
  registry: Registry,
  read: () => Stats | undefined,
  rows: readonly MetricRow<Stats>[],
): void {
  registerEach(
    registry,
    () => {
      const stats = read();
      return stats === undefined ? [] : [{ labels: {}, stats }];
    },
    rows,
  );
}

/** Several sources of one kind, told apart by labels (the same names in all). */
export function registerEach<Stats>(
  registry: Registry,
  readAll: () => readonly Labelled<Stats>[],
  rows: readonly MetricRow<Stats>[],
  labelNames: readonly string[] = [],
): void {
  for (const row of rows) registerRow(registry, readAll, row, labelNames);
}

interface Labelled<Stats> {
  labels: Readonly<Record<string, string>>;
  stats: Stats;
}

function registerRow<Stats>(
  registry: Registry,
  readAll: () => readonly Labelled<Stats>[],
  row: MetricRow<Stats>,
  sourceLabels: readonly string[],
): void {
  const { name, help, type, labels = {}, by } = row;
  const labelNames = [...Object.keys(labels), ...sourceLabels, ...(by === undefined ? [] : [by])];
  const options = { name, help, labelNames, registers: [registry] };
  const collect = (metric: { remove(): void; reset(): void }, set: Set): void => {
    metric.reset();
    const sources = readAll();
    // prom-client shows a metric without labels as 0 from the start; `remove` takes that sample away.
    if (sources.length === 0) return labelNames.length === 0 ? metric.remove() : undefined;
    for (const source of sources) {
      const fixed = { ...labels, ...source.labels };
      for (const [labelValue, value] of samples(row.value(source.stats)))
        set(by === undefined ? fixed : { ...fixed, [by]: labelValue }, value);
    }
  };
  type Set = (labels: Record<string, string>, value: number) => void;
  if (type === "gauge") {
    const gauge: Gauge = new Gauge({
      ...options,
      collect: () => collect(gauge, (sampleLabels, value) => gauge.set(sampleLabels, value)),
    });
  } else {
    const counter: Counter = new Counter({
      ...options,
      collect: () => collect(counter, (sampleLabels, value) => counter.inc(sampleLabels, value)),
    });
  }
}

function samples(
  value: number | Iterable<readonly [string, number]>,
): Iterable<readonly [string, number]> {
  return typeof value === "number" ? [["", value]] : value;
}
