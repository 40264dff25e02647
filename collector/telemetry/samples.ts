/** The registry's numbers one by one, as /metrics shows them. */
import type { Registry } from "prom-client";
import type { Sample } from "./history.ts";

/** Ours, and of Node's own the few that tell how the process does. */
const KEPT = /^(otelcol_|assay_|nodejs_eventloop_lag_(mean|p50|p99)_seconds$)/;

export async function samplesOf(registry: Registry): Promise<Sample[]> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.flatMap(({ name, type, values }) =>
    KEPT.test(name)
      ? values.map((one) => ({
          // A histogram's buckets, sum and count have names of their own.
          name: (one as { metricName?: string }).metricName ?? name,
          isCounter: COUNTERS.has(String(type)),
          labels: texts(one.labels),
          value: one.value,
        }))
      : [],
  );
}

const COUNTERS = new Set(["counter", "histogram"]);

function texts(labels: object): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
