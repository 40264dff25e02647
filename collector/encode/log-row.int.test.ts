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

test("spans, messages and evaluations of one block go to their own tables", async () => {
  const maxSpanAgeMs = 7 * 86_400_000;
  const encoder = createEncoder({ priceBook: loadPriceBook(), collectorId: "log-1", maxSpanAgeMs });
  const append = (signal: "traces" | "logs", bytes: Uint8Array, spanCount: number) =>
    encoder.append({
      seq: 1,
      signal,
      body: bytes,
      spanCount,
      rejected: [],
      receivedAtUnixMs: NOW_MS,
    });
  append(
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
  );
  const evaluation = (...fields: Field[]): Field =>
    logRecord(
      text(12, "gen_ai.evaluation.result"),
      fixed64(1, NOW),
      keyValue(6, "gen_ai.evaluation.name", text(1, "Relevance")),
      ...fields,
    );
  const scope = message(1, text(1, "my.evals"));
  append(
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
  );
  const block = encoder.finish(1);
  const { url, username, password } = engine.target;
  const response = await fetch(`${url}/?database=assay&query=INSERT+INTO+ingest+FORMAT+Native`, {
    method: "POST",
    headers: { "X-ClickHouse-User": username, "X-ClickHouse-Key": password },
    body: new Uint8Array(Buffer.concat(block.chunks)),
  });
  expect(await response.text()).toBe("");

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
