/** Log events through the real schema: which table has what in the end. */
import { createClickHouse, migrate } from "@assay/clickhouse";
import { withEngine, type TestEngine } from "@assay/clickhouse/testing";
import { loadPriceBook } from "@assay/instrumentation/pricing";
import type { ClickHouseClient } from "@clickhouse/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  body,
  double,
  type Field,
  fixed64,
  int,
  keyValue,
  logRecord,
  message,
  ofSpan,
  request,
  span,
  SPAN_ID,
  text,
  TRACE_ID,
} from "../otlp/testing.ts";
import { evaluationEvent } from "../judge/events.ts";
import { createEncoder } from "./encoder.ts";

const NOW_MS = Date.now();
const NOW = BigInt(NOW_MS) * 1_000_000n;
let engine: TestEngine;
let client: ClickHouseClient;

beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  await migrate(client, { log: () => undefined });
});
afterAll(async () => {
  await client.close();
  await engine.stop();
});

async function rows(query: string): Promise<Record<string, unknown>[]> {
  return (await client.query({ query, format: "JSONEachRow" })).json();
}

type Sent = readonly [signal: "traces" | "logs", body: Uint8Array, spanCount: number];

/** As one block. */
async function store(...sent: readonly Sent[]): Promise<void> {
  const maxSpanAgeMs = 7 * 86_400_000;
  const encoder = createEncoder({ priceBook: loadPriceBook(), collectorId: "log-1", maxSpanAgeMs });
  for (const [signal, bytes, spanCount] of sent)
    encoder.append({
      seq: 1,
      signal,
      body: bytes,
      spanCount,
      rejected: [],
      receivedAtUnixMs: NOW_MS,
    });
  const block = encoder.finish(1);
  const { url, username, password } = engine.target;
  const response = await fetch(`${url}/?database=assay&query=INSERT+INTO+ingest+FORMAT+Native`, {
    method: "POST",
    headers: { "X-ClickHouse-User": username, "X-ClickHouse-Key": password },
    body: new Uint8Array(Buffer.concat(block.chunks)),
  });
  expect(await response.text()).toBe("");
}

test("spans, messages and evaluations of one block go to their own tables", async () => {
  const spans: Sent = [
    "traces",
    request(
      span(
        fixed64(7, NOW),
        fixed64(8, NOW),
        keyValue(9, "gen_ai.operation.name", text(1, "chat")),
        keyValue(9, "gen_ai.input.messages", text(1, "[]")),
      ),
    ),
    1,
  ];
  const evaluation = (...fields: Field[]): Field =>
    logRecord(
      text(12, "gen_ai.evaluation.result"),
      fixed64(1, NOW),
      keyValue(6, "gen_ai.evaluation.name", text(1, "Relevance")),
      ...fields,
    );
  const scope = message(1, text(1, "my.evals"));
  const events: Sent = [
    "logs",
    body(
      message(
        1,
        message(1, keyValue(1, "service.name", text(1, "svc"))),
        message(
          2,
          scope,
          logRecord(
            text(12, "gen_ai.choice"),
            fixed64(1, NOW),
            ofSpan,
            message(5, text(1, "Paris")),
          ),
          evaluation(
            ofSpan,
            fixed64(11, NOW + 1_000_000_000n),
            keyValue(6, "gen_ai.evaluation.score.value", double(4, 0.5)),
            keyValue(6, "gen_ai.evaluation.score.label", text(1, "fair")),
            keyValue(6, "gen_ai.evaluation.explanation", text(1, "half of it")),
            keyValue(6, "gen_ai.evaluator.name", text(1, "judge-1")),
            keyValue(6, "threshold", int(3, 3)),
          ),
          evaluation(
            keyValue(6, "gen_ai.response.id", text(1, "resp-1")),
            keyValue(6, "error.type", text(1, "timeout")),
          ),
        ),
      ),
    ),
    3,
  ];
  await store(spans, events);

  expect(await rows("SELECT toUInt32(count()) AS n FROM spans")).toEqual([{ n: 1 }]);
  expect(await rows("SELECT sum(spans) AS n FROM trace_index")).toMatchObject([{ n: 1 }]);
  expect(await rows("SELECT sum(spans) AS n FROM llm_1m")).toMatchObject([{ n: 1 }]);
  expect(
    await rows("SELECT row_kind, collector_id, content_output FROM span_content ORDER BY row_kind"),
  ).toEqual([
    { row_kind: "span", collector_id: "log-1", content_output: "" },
    {
      row_kind: "message",
      collector_id: "log-1",
      content_output:
        '[{"role":"assistant","parts":[{"type":"text","content":"Paris"}],"finish_reason":""}]',
    },
  ]);
  const found = await rows(
    "SELECT * EXCEPT (event_time, evaluated_at, evaluation_id, received_at), toUnixTimestamp64Nano(evaluated_at) - toUnixTimestamp64Nano(event_time) AS later FROM v_evaluations ORDER BY label",
  );
  const shared = {
    project: "svc",
    service: "svc",
    name: "Relevance",
    source: "otlp",
    environment: "",
    release: "",
    session_id: "",
    user_id: "",
    collector_id: "log-1",
    batch: 1,
  };
  expect(found).toMatchObject([
    {
      ...shared,
      trace_id: "",
      span_id: "",
      response_id: "resp-1",
      evaluator: "my.evals",
      score: null,
      label: "",
      explanation: "",
      error_type: "timeout",
      attributes: {},
      later: 0,
    },
    {
      ...shared,
      trace_id: TRACE_ID.toString("hex"),
      span_id: SPAN_ID.toString("hex"),
      response_id: "",
      evaluator: "judge-1",
      score: 0.5,
      label: "fair",
      explanation: "half of it",
      error_type: "",
      attributes: { threshold: "3" },
      later: 1_000_000_000,
    },
  ]);
  expect(await rows("SELECT toUInt32(uniq(evaluation_id)) AS n FROM evaluations")).toEqual([
    { n: 2 },
  ]);
});

test("a score that another Assay's judge sent on is a judge's score, once, as it was made last", async () => {
  const second = Math.floor(NOW_MS / 1_000);
  const made = {
    project: "forwarded",
    name: "faithfulness",
    event_time: second,
    evaluated_at: second + 5,
    evaluation_id: "0123456789abcdef0123456789abcdef",
    trace_id: TRACE_ID.toString("hex"),
    span_id: SPAN_ID.toString("hex"),
    service: "shop",
    environment: "production",
    release: "v1",
    source: "judge",
    evaluator: "gpt-4o-mini",
    status: "ok",
    score: 4,
    norm: 0.75,
    label: "",
    explanation: "All of it is in the documents.",
    metric_version: 2,
    role: "cheap",
    purpose: "traffic",
    judge_hash: "j".repeat(32),
    strategy: "cot",
    trace_probability: 0.5,
    judge_probability: 0.1,
    stratum: "long",
    provider: "openai",
    model: "gpt-4o",
    prompt_version: "7",
    judge_model: "gpt-4o-mini-2024-07-18",
    input_tokens: 900,
    output_tokens: 80,
    cost: "0.000183",
    latency_ms: 1_200,
  };
  const again = { ...made, evaluated_at: made.evaluated_at + 60, judge_probability: 0.2 };
  const failed = { ...made, evaluation_id: "f".repeat(32), status: "abstain", score: null, norm: null, cost: null }; // prettier-ignore
  for (const row of [made, again, failed]) await store(["logs", evaluationEvent(row), 1]);
  const found = await rows(
    `SELECT * EXCEPT (evaluation_id, event_time, evaluated_at, cost, last), toFloat64(event_time) AS event_time, toFloat64(last) AS evaluated_at, toString(v.cost) AS cost
    FROM (SELECT *, evaluated_at AS last FROM v_evaluations WHERE project = 'forwarded' ORDER BY evaluated_at DESC LIMIT 1 BY evaluation_id) AS v ORDER BY status DESC`,
  );
  const { evaluation_id: _, ...kept } = again;
  expect(found).toMatchObject([
    { ...kept, inclusion_probability: 0.1, attributes: {} },
    { trace_id: made.trace_id, status: "abstain", score: null, norm: null, cost: null },
  ]);
  expect(found).toHaveLength(2);
  const ids = await rows("SELECT DISTINCT hex(evaluation_id) AS id FROM evaluations WHERE project = 'forwarded'"); // prettier-ignore
  expect(ids.map(({ id }) => id)).not.toContain(made.evaluation_id.toUpperCase());
});
