/** A run of an experiment → rows: of the run, of an item's answer, of its scores. */
import { insertEvaluations, type EvaluationRow } from "@assay/clickhouse";
import { formatUsd } from "@assay/instrumentation/pricing";
import type { ClickHouseClient } from "@clickhouse/client";
import type { Judge, Profile } from "../config.ts";
import { hashOf, scoreId } from "../judge-hash.ts";
import type { Judgement } from "../judging.ts";
import type { JudgedRecord } from "../prompt.ts";
import { compositeRow, judgementRow, textMetricRow, type Chosen } from "../score-row.ts";
import type { OfflineRecord } from "../offline/records-file.ts";
import { compositeNorm } from "../offline/run-command.ts";
import { scoredOf } from "../offline/scored.ts";
import type { ModelOutput } from "./answer-model.ts";

export interface Run {
  experiment: string;
  run: string;
  startedAtUnixMs: number;
  settingsHash: string;
  dataset: string;
  datasetHash: string;
  items: number;
  project: string;
  provider: string;
  model: string;
  promptVersion: string;
  promptHash: string;
  parameters: Record<string, unknown>;
  judges: readonly Judge[];
}

export interface Answered {
  record: OfflineRecord;
  /** With the run's answer. */
  judged: JudgedRecord;
  /** Undefined: the answer was given, or there is none. */
  output: ModelOutput | undefined;
  error: string;
  /** In 1e-12 USD; undefined: not known. */
  picoUsd: bigint | undefined;
}

/** An item's id in evaluations: the same in every run, and no trace of traffic. */
function itemTraceId(experiment: string, item: string): string {
  return hashOf({ experiment, item });
}

export async function insertRun(
  client: ClickHouseClient,
  run: Run,
  done?: { finishedAtUnixMs: number; failed: number },
): Promise<void> {
  await client.insert({
    table: "assay.experiment_runs",
    values: [
      {
        experiment: run.experiment,
        run: run.run,
        started_at: seconds(run.startedAtUnixMs),
        finished_at: done ? seconds(done.finishedAtUnixMs) : null,
        settings_hash: run.settingsHash,
        dataset: run.dataset,
        dataset_hash: run.datasetHash,
        items: run.items,
        failed: done?.failed ?? 0,
        provider: run.provider,
        model: run.model,
        prompt_version: run.promptVersion,
        prompt_hash: run.promptHash,
        parameters: JSON.stringify(run.parameters),
        judges: JSON.stringify(
          run.judges.map(({ metric, role, model, hash }) => ({
            metric: metric.metric,
            role,
            model,
            hash,
          })),
        ),
      },
    ],
    format: "JSONEachRow",
    clickhouse_settings: { async_insert: 0 },
  });
}

export interface JudgedItem {
  answered: Answered;
  judgements: ReadonlyMap<Judge, Judgement>;
}

/** Scores first: an item with an answer row has them all. */
export async function insertItems(
  client: ClickHouseClient,
  run: Run,
  profile: Profile,
  items: readonly JudgedItem[],
): Promise<void> {
  const ids = items.map(({ answered }) => answered.record.id).toSorted();
  const token = `experiment/${hashOf([run.experiment, run.run, ids])}`;
  const rows = items.flatMap(({ answered, judgements }) =>
    scoreRows(run, answered, profile, judgements),
  );
  if (rows.length > 0) await insertEvaluations(client, rows, token);
  await client.insert({
    table: "assay.experiment_outputs",
    values: items.map(({ answered }) => outputRow(run, answered)),
    format: "JSONEachRow",
    clickhouse_settings: { async_insert: 0, insert_deduplication_token: token },
  });
}

function outputRow(run: Run, { record, judged, output, error, picoUsd }: Answered) {
  return {
    experiment: run.experiment,
    run: run.run,
    item: record.id,
    trace_id: itemTraceId(run.experiment, record.id),
    created_at: seconds(Date.now()),
    question: judged.question ?? "",
    answer: judged.answer ?? "",
    reference: judged.reference ?? "",
    source_trace: record.traffic?.traceId ?? "",
    error,
    input_tokens: output?.inputTokens ?? 0,
    output_tokens: output?.outputTokens ?? 0,
    cost: picoUsd === undefined ? null : formatUsd(picoUsd),
    latency_ms: Math.round(output?.latencyMs ?? 0),
  };
}

function scoreRows(
  run: Run,
  answered: Answered,
  profile: Profile,
  judgements: ReadonlyMap<Judge, Judgement>,
): EvaluationRow[] {
  const { judged, record } = answered;
  const chosen = chosenOf(run, answered);
  const scores = new Map(
    [...judgements].map(([judge, one]) => [judge.metric.metric, scoredOf(judge, one)] as const),
  );
  const sum = compositeNorm(profile, scores);
  const norms = Object.fromEntries([...scores].map(([metric, { norm }]) => [metric, norm]));
  const texts = profile.textMetrics
    .map((metric) => textMetricRow(metric, { record: judged, form: profile.answerForm }, chosen))
    .filter((row) => row !== undefined);
  const rows: EvaluationRow[] = [
    ...[...judgements].map(([judge, judgement]) => judgementRow(judge, judgement, chosen)),
    ...texts,
    ...(sum ? [compositeRow(profile, sum, norms, chosen)] : []),
  ];
  return rows.map((row) => ({
    ...row,
    // Not the judge's own: what it costs is not of the day's budget.
    source: "experiment",
    purpose: "experiment",
    experiment: run.experiment,
    run: run.run,
    evaluation_id: scoreId({
      record: `${run.experiment}/${run.run}/${record.id}`,
      metric: String(row["name"]),
      judgeHash: String(row["judge_hash"]),
      sampleIndex: 0,
      purpose: "experiment",
    }),
  }));
}

/** The answer as if a span had it. */
function chosenOf(run: Run, { record, judged }: Answered): Chosen {
  const traceId = itemTraceId(run.experiment, record.id);
  const nothing = {
    operation: "chat", isModelCall: true, hasContent: true, environment: "", release: "", service: "", status: "ok", sessionId: "", userId: "",
    responseId: "", samplingWeight: 1, documentCount: 0, reference: "", inputTokens: 0, durationMs: 0,
  } as const; // prettier-ignore
  const { project, provider, model, promptVersion, promptHash, startedAtUnixMs: at } = run;
  const answered = {
    ...nothing, traceId, spanId: "0".repeat(16), project, provider, model, promptVersion, promptHash, eventTimeUnixMs: at, endUnixMs: at, receivedAtUnixMs: at,
  }; // prettier-ignore
  return {
    record: {
      answered,
      spans: [answered],
      traceProbability: 1,
      receivedAtUnixMs: at,
    },
    stratum: "",
    judgeProbability: 1,
    referenceFrom: judged.reference === undefined ? "" : "golden",
    purpose: "traffic",
  };
}

function seconds(unixMs: number): string {
  return (unixMs / 1_000).toFixed(3);
}
