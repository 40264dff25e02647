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
  for (const row of rows) registerRow(registry, read, row);
}

function registerRow<Stats>(
  registry: Registry,
  read: () => Stats | undefined,
  row: MetricRow<Stats>,
): void {
  const { name, help, type, labels = {}, by } = row;
  const labelNames = [...Object.keys(labels), ...(by === undefined ? [] : [by])];
  const options = { name, help, labelNames, registers: [registry] };
  const collect = (metric: { remove(): void; reset(): void }, set: Set): void => {
    metric.reset();
    const stats = read();
    // prom-client shows a metric without labels as 0 from the start; `remove` takes that sample away.
    if (stats === undefined) return labelNames.length === 0 ? metric.remove() : undefined;
    for (const [labelValue, value] of samples(row.value(stats)))
      set(by === undefined ? labels : { ...labels, [by]: labelValue }, value);
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
