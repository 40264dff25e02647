/** The rules for Prometheus: parsed by its own grammar, and only of figures that the collector has. */
import { parser } from "@prometheus-io/lezer-promql";
import { createTelemetry } from "@assay/collector/telemetry";
import { describe, expect, test } from "vitest";
import { PROMETHEUS_RULES } from "./prometheus-rules.ts";

/** Texts of all nodes of one kind; throws where the text is no PromQL. */
function nodesOf(expression: string, kind: string): string[] {
  const found: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ name, type, from, to }) => {
      if (type.isError)
        throw new Error(`no PromQL at ${from}: ${expression.slice(from, from + 30)}`);
      if (name === kind) found.push(expression.slice(from, to));
    },
  });
  return found;
}

describe.each(PROMETHEUS_RULES)("$alert", ({ alert, expr, for: patience = "5m", summary }) => {
  test("is PromQL", () => {
    expect(alert).toMatch(/^Assay[A-Z][A-Za-z]+$/);
    expect(patience).toMatch(/^\d+[mh]$/);
    expect(summary).not.toBe("");
    expect(() => nodesOf(expr, "Identifier")).not.toThrow();
    expect(() => nodesOf(`${expr} >`, "Identifier")).toThrow("no PromQL");
  });

  test("asks for figures that /metrics has", async () => {
    const text = await createTelemetry({}).metrics();
    for (const name of nodesOf(expr, "Identifier"))
      if (/^(otelcol_|assay_|nodejs_)/.test(name))
        expect(text).toContain(`# TYPE ${name.replace(/_bucket$/, "")} `);
  });
});
