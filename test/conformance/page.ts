/** docs/conformance.md from the table of cases. */
import { writeFileSync } from "node:fs";
import { CASES } from "./cases.ts";

const HEAD = `# Conformance

What the collector does with what senders send. Each line is a case with a test of that name in \`test/conformance/\`;
"must" and "should" are the OTLP specification's words, "own" is a decision of ours where it leaves room. The last
column says where the OpenTelemetry Collector does less, and what we do not do.

Traces are taken whole, and of logs the GenAI events ([what that means](logs.md)); other log records are answered with a
partial success that says so. Metrics are answered 404 (HTTP) and UNIMPLEMENTED (gRPC), so that no sender believes they
were stored: set \`OTEL_METRICS_EXPORTER=none\` to stop an SDK from sending them.

| Case | Rule | What it demands | Remarks |
| --- | --- | --- | --- |
`;

export function conformancePage(): string {
  const rows = Object.entries(CASES).map(([id, { rule, demand, collector, missing }]) => {
    const remarks = [
      collector && `The OpenTelemetry Collector ${collector}.`,
      missing && `**Not done:** ${missing}.`,
    ].filter(Boolean);
    return `| ${id} | ${rule} | ${demand} | ${remarks.join(" ")} |`;
  });
  return `${HEAD}${rows.join("\n")}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL("../../docs/conformance.md", import.meta.url), conformancePage());
}
