/** Where a running Assay answers, for whoever started it. */
import type { Address } from "@assay/clickhouse";
import type { RunningCollector } from "@assay/collector";
import { url } from "./settings.ts";

export function printAddresses(collector: RunningCollector, api: Address | undefined): void {
  const lines = [
    api && ["Page and query API", url(api)],
    ["OTLP/HTTP", `${url(collector.otlp)}  (point a service here: OTEL_EXPORTER_OTLP_ENDPOINT)`],
    ["OTLP/gRPC", url(collector.otlpGrpc)],
    ["ClickHouse", collector.clickhouse],
    ["Metrics and health", `${url(collector.metrics)}/metrics  ${url(collector.metrics)}/healthz`],
    ["Data", collector.dataDir],
  ].filter((line) => line !== undefined);
  console.log(
    `Assay is ready.\n${lines.map(([name, value]) => `  ${name!.padEnd(20)}${value}`).join("\n")}`,
  );
}
