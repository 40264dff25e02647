/** Test support: spans written into `assay.ingest` as the collector would, described by what matters to the test. */
import { createHash } from "node:crypto";
import type { ClickHouseClient } from "@clickhouse/client";

export interface TestSpan {
  /** Any text; the id is derived from it. */
  trace: string;
  span: string;
  parent?: string;
  project?: string;
  startMs: number;
  durationMs?: number;
  /** Columns of `ingest`, as they are. */
  columns?: Record<string, unknown>;
}

/** The bytes of an id are letters and digits, since JSON text cannot carry others into a FixedString. */
function idText(name: string, bytes: number): string {
  return createHash("sha256").update(name).digest("hex").slice(0, bytes);
}

export function testTraceId(name: string): string {
  return Buffer.from(idText(name, 16)).toString("hex");
}

export function testSpanId(trace: string, name: string): string {
  return Buffer.from(idText(`${trace}/${name}`, 8)).toString("hex");
}

/** A chat call with usage and a price. */
export function chat(
  model: string,
  cost: string | null,
  columns: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    operation: "chat",
    is_model_call: true,
    provider: "openai",
    request_model: model,
    response_model: model,
    input_tokens: 100,
    output_tokens: 20,
    usage_source: "reported",
    cost,
    cost_status: cost === null ? "unpriced" : "priced",
    ...columns,
  };
}

export async function insertSpans(
  client: ClickHouseClient,
  spans: readonly TestSpan[],
): Promise<void> {
  await client.insert({ table: "assay.ingest", values: spans.map(rowOf), format: "JSONEachRow" });
}

function rowOf(span: TestSpan): Record<string, unknown> {
  const { trace, startMs, durationMs = 100, columns = {} } = span;
  const startNano = BigInt(Math.round(startMs * 1000)) * 1000n;
  return {
    project: span.project ?? "shop",
    trace_id: idText(trace, 16),
    span_id: idText(`${trace}/${span.span}`, 8),
    parent_span_id: span.parent ? idText(`${trace}/${span.parent}`, 8) : "\0".repeat(8),
    event_time: `${new Date(Number(startNano / 1_000_000_000n) * 1000).toISOString().slice(0, 19).replace("T", " ")}.${(startNano % 1_000_000_000n).toString().padStart(9, "0")}`,
    start_unix_nano: startNano.toString(),
    end_unix_nano: (startNano + BigInt(Math.round(durationMs * 1e6))).toString(),
    duration_ns: Math.round(durationMs * 1e6),
    name: span.span,
    status: "ok",
    service: "api",
    ...columns,
  };
}
