import type { ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withEngine, type TestEngine } from "../../clickhouse/embedded/testing.ts";
import { readChecks } from "./definition.ts";
import { Evaluator } from "./evaluator.ts";
import type { CheckResult } from "./results.ts";

const HOUR = 3_600;
const T0 = Math.floor(Date.UTC(2026, 9, 14, 12) / 1_000);
let engine: TestEngine;
let client: ClickHouseClient;
beforeAll(async () => {
  engine = await withEngine();
  client = createClickHouse(engine.target);
  await migrate(client, { log: () => {}, retentionDays: { llm_1m: 18000, llm_1h: 18000, evaluations: 18000, check_results: 18000 } as never });
}, 60_000);
afterAll(async () => {
  await client.close();
  await engine.stop();
});

const dims = "project, service, environment, provider, request_model, response_model, operation, is_model_call, status, calls, spans, errors, input_tokens, output_tokens, cost";
async function calls(table: string, from: number, to: number, step: number, n: number, usd: number, errors = 0) {
  await client.command({
    query: `INSERT INTO ${table} (ts, ${dims}) SELECT toDateTime(number, 'UTC'), 'shop', 'web', 'production', 'openai', 'm', 'm', 'chat', 1, 'ok', ${n}, ${n}, ${errors}, ${n * 500}, ${n * 50}, toDecimal128(${n * usd}, 12) FROM numbers(${from}, ${to - from}) WHERE number % ${step} = 0`,
  });
}
async function scores(from: number, to: number, n: number, mean: number) {
  await client.command({
    query: `INSERT INTO evaluations (project, name, event_time, evaluated_at, evaluation_id, trace_id, span_id, source, score, norm, status, judge_hash, stratum)
      SELECT 'shop', 'relevance', fromUnixTimestamp64Nano(toInt64((${from} + number * ${(to - from) / n}) * 1e9)) AS at, at, reinterpretAsFixedString(generateUUIDv4()), unhex(lower(hex(MD5(toString(number))))), toFixedString('', 8), 'judge', 4,
      greatest(0, least(1, ${mean} + 0.2 * (rand(number) / 4294967295 * 2 - 1) * 1.7)), 'ok', 'j1', 'all' FROM numbers(${n})`,
  });
}

test("every shipped check runs; cost doubling fires in 15 minutes; scores that drop fire; a restart resumes", async () => {
  await calls("llm_1h", T0 - 35 * 24 * HOUR, T0, HOUR, 1000, 0.01);
  await calls("llm_1m", T0 - 4 * HOUR, T0, 60, 17, 0.01);
  await calls("llm_1m", T0, T0 + HOUR, 60, 17, 0.02);
  let now = (T0 - 600) * 1_000;
  const rows: CheckResult[] = [];
  const problems: string[] = [];
  const make = () => new Evaluator({ client, checks: readChecks(), now: () => now, log: (_, m) => void problems.push(m), onResults: async (r) => void rows.push(...r) });
  let evaluator = make();
  await evaluator.load();
  const step = async (minutes: number) => { for (let i = 0; i < minutes; i++) { now += 60_000; await evaluator.runDue(); } };
  await step(9);
  evaluator = make();
  await evaluator.load();
  await step(21);
  const fired = rows.find((r) => r.check_name === "cost-spike" && r.state === "firing");
  console.log("problems", problems, evaluator.stats());
  console.log("cost fired", fired && [(fired.evaluated_at / 1000 - T0) / 60, fired.reason, fired.estimate, fired.threshold]);
  console.log([...new Set(rows.map((r) => `${r.check_name} ${r.project} ${r.state}`))].sort().join("\n"));

  const Q = T0 + 40 * 24 * HOUR;
  await scores(Q - 28 * 24 * HOUR, Q, 28 * 40, 0.785);
  await scores(Q, Q + 15 * 24 * HOUR, 15 * 40, 0.785 - 0.0875);
  const quality: CheckResult[] = [];
  now = (Q + HOUR) * 1_000;
  const drop = new Evaluator({ client, checks: readChecks().filter((c) => c.name === "quality-drop"), now: () => now, log: (_, m) => void problems.push(m), onResults: async (r) => void quality.push(...r) });
  drop.begin();
  for (let i = 0; i < 15 * 8; i++) { now += 3 * HOUR * 1_000; await drop.runDue(); }
  const at = quality.find((r) => r.state === "firing");
  console.log("quality", quality.length, problems, at && [(at.event_time - Q) / 86400, at.reason, at.statistic, at.statistic_limit, at.worst_traces.length]);
  expect(problems).toEqual([]);
}, 120_000);
