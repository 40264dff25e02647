/** Guarded calls and scores of a real service with the real SDK, through the collector into the engine and out of it. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runNode } from "../../instrumentation/testing/run-node.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";

const SERVICE = fileURLToPath(
  new URL("../../instrumentation/testing/guard-service.ts", import.meta.url),
);
const LEAK = "Write to zoe@example.com; my secret is k q 7 m z t 4 w x b 2 9 n p d h.";

let assay: RunningAssay;
let asked: string[];
let close: () => void;
let result: Record<string, unknown>;

beforeAll(async () => {
  assay = await startAssay("start", await assayEnv());
  asked = [];
  const model = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      asked.push(body);
      const base = { id: "chatcmpl-1", created: 1, model: "gpt-4o-mini" };
      if (!body.includes('"stream":true')) {
        response.setHeader("content-type", "application/json");
        const message = { role: "assistant", content: LEAK };
        const choices = [{ index: 0, message, finish_reason: "stop" }];
        response.end(JSON.stringify({ ...base, object: "chat.completion", choices }));
        return;
      }
      response.setHeader("content-type", "text/event-stream");
      const send = (delta: object, finish_reason: string | null = null) =>
        response.write(
          `data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })}\n\n`,
        );
      for (let at = 0; at < LEAK.length; at += 3) send({ content: LEAK.slice(at, at + 3) });
      send({}, "stop");
      response.end("data: [DONE]\n\n");
    });
  });
  await new Promise<void>((resolve) => model.listen(0, "127.0.0.1", resolve));
  close = () => model.close();
  const { stdout, stderr } = await runNode(
    [SERVICE, `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1`],
    { ASSAY_ENDPOINT: assay.otlp, OTEL_SERVICE_NAME: "desk", OTEL_BSP_SCHEDULE_DELAY: "50" },
  );
  if (stdout === "") throw new Error(`the service ended: ${stderr}`);
  result = JSON.parse(stdout) as Record<string, unknown>;
});

afterAll(async () => {
  close();
  await assay.stop();
  await removeData(assay.env);
});

async function rows<T>(query: string): Promise<T[]> {
  const response = await fetch(
    `${assay.clickhouse}/?database=assay&default_format=JSONEachRow&output_format_json_quote_64bit_integers=0`,
    { method: "POST", headers: { "X-ClickHouse-User": "reader" }, body: query },
  );
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}

test("the service: streamed and whole answers are the same, and the model saw no address", () => {
  const clean = "Write to [email_2]; my secret is [canary_1].";
  expect(result).toMatchObject({
    plain: clean,
    streamed: clean,
    blocked: ["instruction_override"],
    taken: [true, false, false, false],
    stats: { scoresSent: 2, scoresDropped: 3, instrumentationErrors: 0 },
  });
  expect(asked).toHaveLength(2);
  expect(asked.join()).not.toContain("@example.com");
});

test("the store counts what each check found, by minute, and has each single result", async () => {
  const counts = () =>
    rows<object>(
      "SELECT guard, check_name, stage, action, sum(checks) AS checks, sum(matches) AS matches FROM guardrail_1m WHERE project = 'desk' GROUP BY ALL ORDER BY ALL",
    );
  const row = (check_name: string, stage: string, action: string, checks: number, matches: number) => ({
    guard: "support", check_name, stage, action, checks, matches,
  }); // prettier-ignore
  await expect
    .poll(counts)
    .toEqual([
      row("canary", "output", "redact", 2, 2),
      row("pii", "input", "pass", 1, 0),
      row("pii", "input", "redact", 2, 2),
      row("pii", "output", "redact", 2, 2),
      row("prompt_injection", "input", "block", 1, 1),
      row("prompt_injection", "input", "pass", 2, 0),
    ]);
  const [latency] = await rows<{ q: number[] }>(
    "SELECT quantilesBFloat16Merge(0.5, 0.95, 0.99)(latency_ms_sketch) AS q FROM guardrail_1m",
  );
  expect(latency?.q[2]).toBeGreaterThan(0);
  const [blocked] = await rows<object>(
    "SELECT service, session_id, check_name, version, stage, action, match_types, matches, risk, error, length(trace_id) AS id FROM v_guardrail_results WHERE project = 'desk' AND action = 'block'",
  );
  expect(blocked).toEqual({
    service: "desk", session_id: "s1", check_name: "prompt_injection", version: "1", stage: "input", action: "block",
    match_types: ["instruction_override"], matches: 1, risk: 0.9, error: "", id: 32,
  }); // prettier-ignore
});

test("nothing that was found is stored, though all content is captured", async () => {
  const count = async () =>
    (
      await rows<{ spans: number; content: number; leaks: number }>(
        `SELECT (SELECT count() FROM spans) AS spans, (SELECT count() FROM span_content) AS content,
      (SELECT count() FROM span_content WHERE match(concat(content_input, content_output), 'ada@|bob@|zoe@|k q 7|kq7'))
      + (SELECT count() FROM spans WHERE match(concat(arrayStringConcat(event_attributes), toString(attrs_string), status_message), 'ada@|bob@|zoe@|k q 7|kq7')) AS leaks`,
      )
    )[0]!;
  // The agent, three guards, two model calls.
  const { leaks } = await until(count, ({ spans, content }) => spans === 6 && content >= 2);
  expect(leaks).toBe(0);
});

test("scores stand with their span", async () => {
  const { traceId, spanId } = result["span"] as { traceId: string; spanId: string };
  const scores = await until(
    () =>
      rows<object>(
        "SELECT name, trace_id, span_id, project, session_id, score, label, explanation, evaluator, source, attributes['assay.evaluation.source'] AS by FROM v_evaluations ORDER BY name",
      ),
    (found) => found.length === 2,
  );
  expect(scores).toEqual([
    {
      name: "grounded", trace_id: traceId, span_id: spanId, project: "desk", session_id: "s1", score: 0.75, label: "",
      explanation: "said by ada@example.com", evaluator: "code", source: "otlp", by: "code",
    },
    {
      name: "thumbs", trace_id: traceId, span_id: spanId, project: "desk", session_id: "", score: 1, label: "true",
      explanation: "", evaluator: "web", source: "otlp", by: "user",
    },
  ]); // prettier-ignore
  const response = await fetch(`${assay.api}/api/v1/traces/${traceId}`);
  const { spans } = (await response.json()) as {
    spans: { span_id: string; evaluations: { name: string }[] }[];
  };
  const names = spans
    .find(({ span_id }) => span_id === spanId)
    ?.evaluations.map(({ name }) => name);
  expect(names?.toSorted()).toEqual(["grounded", "thumbs"]);
});
