/**
 * A stored score → the event that the GenAI conventions have for it, `gen_ai.evaluation.result`, of the span that was
 * judged. Another Assay keeps it as a judge's score, by the attributes beside those of
 * the conventions (clickhouse/schema/0005_evaluations.sql).
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { transcodeLogs } from "../otlp/json.ts";
import { EVALUATION_NAME } from "../otlp/log-events.ts";
import type { ScoreRow } from "./score-row.ts";

const EVENT = "gen_ai.evaluation.result";
/** Columns that are attributes of the same name, as text. */
const OWN_COLUMNS = [
  "source",
  "status",
  "norm",
  "metric_version",
  "role",
  "purpose",
  "judge_hash",
  "strategy",
  "trace_probability",
  "judge_probability",
  "stratum",
  "provider",
  "model",
  "prompt_version",
  "judge_model",
  "input_tokens",
  "output_tokens",
  "cost",
  "latency_ms",
] as const;

export function evaluationEvent(row: ScoreRow): Uint8Array {
  return transcodeLogs(Buffer.from(JSON.stringify(evaluationLogs([row])))).body;
}

/** OTLP JSON. */
export function evaluationLogs(rows: readonly ScoreRow[]): { resourceLogs: object[] } {
  return { resourceLogs: rows.map(resourceLogsOf) };
}

function resourceLogsOf(row: ScoreRow): object {
  const scored = row["status"] === "ok";
  const attributes = [
    text(EVALUATION_NAME, row["name"]),
    ...(scored
      ? [number("gen_ai.evaluation.score.value", row["score_expected"] ?? row["score"])]
      : []),
    text("gen_ai.evaluation.score.label", row["label"]),
    text("gen_ai.evaluation.explanation", row["explanation"]),
    text("gen_ai.evaluator.name", row["evaluator"]),
    text("gen_ai.response.id", row["response_id"]),
    text(ATTR.errorType, scored ? "" : row["error_type"] || row["status"]),
    text("assay.evaluation.id", row["evaluation_id"]),
    ...OWN_COLUMNS.map((column) => text(`assay.evaluation.${column}`, row[column])),
    number("assay.evaluation.inclusion_probability", inclusionProbability(row)),
  ].flat();
  return {
    resource: {
      attributes: [
        text(ATTR.serviceName, row["service"]),
        text(ATTR.assayProject, row["project"]),
        text(ATTR.deploymentEnvironment, row["environment"]),
        text(ATTR.serviceVersion, row["release"]),
      ].flat(),
    },
    scopeLogs: [
      {
        scope: { name: "assay.judge" },
        logRecords: [
          {
            timeUnixNano: nanos(row["event_time"]),
            observedTimeUnixNano: nanos(row["evaluated_at"]),
            eventName: EVENT,
            traceId: row["trace_id"],
            spanId: row["span_id"],
            attributes,
          },
        ],
      },
    ],
  };
}

function inclusionProbability(row: ScoreRow): number {
  return Number(row["trace_probability"]) * Number(row["judge_probability"]);
}

function text(key: string, value: ScoreRow[string] | undefined): object[] {
  return value === undefined || value === null || value === ""
    ? []
    : [{ key, value: { stringValue: String(value) } }];
}

function number(key: string, value: ScoreRow[string] | undefined): object[] {
  return typeof value === "number" ? [{ key, value: { doubleValue: value } }] : [];
}

/** Rows have seconds with three decimals. */
function nanos(seconds: ScoreRow[string] | undefined): string {
  return `${Math.round(Number(seconds) * 1_000)}000000`;
}
