/**
 * Log events through real processes: collector, engine and API. What an SDK sends about a span stands with the span in the
 * end; and over kill -9 of the collector and of its engine every acknowledged event is stored exactly once, as spans are.
 */
import { ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { LoggerProvider, SimpleLogRecordProcessor } from "@opentelemetry/sdk-logs";
import { afterEach, expect, test } from "vitest";
import {
  body,
  double,
  type Field,
  fixed64,
  int,
  keyValue,
  logRecord,
  message,
  request,
  text,
} from "../../collector/otlp/testing.ts";
import { childrenOf } from "../bench/proc.ts";
import { metricsOf } from "../faults/metrics.ts";
import { assayEnv, removeData, startAssay, until, type RunningAssay } from "../processes.ts";

const LEDGER_MS = 60_000;
let assay: RunningAssay;
afterEach(async () => {
  await assay.stop();
  await removeData(assay.env);
});

async function post(signal: "traces" | "logs", sent: Uint8Array): Promise<number> {
  const response = await fetch(`${assay.otlp}/v1/${signal}`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    body: new Uint8Array(sent),
  });
  await response.arrayBuffer();
  return response.status;
}

async function rows(query: string): Promise<string> {
  const response = await fetch(`${assay.clickhouse}/?database=assay`, {
    method: "POST",
    headers: { "X-ClickHouse-User": "reader" },
    body: query,
  });
  return (await response.text()).trim();
}

const nanos = (): bigint => BigInt(Date.now()) * 1_000_000n;

interface TraceAnswer {
  spans: {
    content: object | null;
    evaluations: { name: string; score: number | null; evaluator: string }[];
  }[];
}

test("messages and evaluations of the SDK stand with their span", async () => {
  assay = await startAssay("start", await assayEnv());
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const spanId = "b7ad6b7169203331";
  const sent = body(
    message(
      1,
      message(1, keyValue(1, "service.name", text(1, "shop"))),
      message(
        2,
        message(
          2,
          text(1, Buffer.from(traceId, "hex")),
          text(2, Buffer.from(spanId, "hex")),
          text(5, "chat gpt-4o"),
          fixed64(7, nanos()),
          fixed64(8, nanos() + 1_000_000n),
          keyValue(9, "gen_ai.operation.name", text(1, "chat")),
        ),
      ),
    ),
  );
  expect(await post("traces", sent)).toBe(200);
  const exporter = new OTLPLogExporter({ url: `${assay.otlp}/v1/logs` });
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({ "service.name": "shop" }),
    processors: [new SimpleLogRecordProcessor({ exporter })],
  });
  const logger = provider.getLogger("my.evals");
  const spanContext = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  const context = trace.setSpanContext(ROOT_CONTEXT, spanContext);
  const now = Date.now();
  const choice = { index: 0, finish_reason: "stop", message: { content: "Paris" } };
  logger.emit({ eventName: "gen_ai.choice", body: choice, context, timestamp: now + 2 });
  const question = { content: "The capital of France?" };
  logger.emit({ eventName: "gen_ai.user.message", body: question, context, timestamp: now + 1 });
  logger.emit({ body: "an ordinary line", context });
  logger.emit({
    eventName: "gen_ai.evaluation.result",
    context,
    attributes: { "gen_ai.evaluation.name": "Relevance", "gen_ai.evaluation.score.value": 0.5 },
  });

  const read = async (): Promise<TraceAnswer> => {
    const response = await fetch(`${assay.api}/api/v1/traces/${traceId}?content=true`);
    return (await response.json()) as TraceAnswer;
  };
  const whole = (content: object | null): boolean => Object.keys(content ?? {}).length === 2;
  const { spans } = await until(
    read,
    (answer) => answer.spans[0]!.evaluations.length > 0 && whole(answer.spans[0]!.content),
  );
  await provider.shutdown();
  expect(spans).toHaveLength(1);
  expect(spans[0]!.content).toEqual({
    input: [{ role: "user", parts: [{ type: "text", content: "The capital of France?" }] }],
    output: [
      { role: "assistant", parts: [{ type: "text", content: "Paris" }], finish_reason: "stop" },
    ],
  });
  expect(spans[0]!.evaluations).toMatchObject([
    { name: "Relevance", score: 0.5, evaluator: "my.evals" },
  ]);
  const metrics = await until(
    () => metricsOf(assay),
    (found) => found.get('assay_ledger_spans{state="stored"}') === 4,
    LEDGER_MS,
  );
  expect(metrics.get("assay_ledger_residual_spans")).toBe(0);
  const counted = (name: string) => metrics.get(`${name}{receiver="otlp",transport="http"}`);
  expect(counted("otelcol_receiver_accepted_log_records_total")).toBe(3);
  expect(counted("assay_receiver_rejected_log_records_total")).toBe(1);
});

const RECORDS = 10;
const SENDERS = 4;
const KILLS = 4;

/** Spans, messages and evaluations that all carry `n`, over two days. */
function requestsOf(n: number): ["traces" | "logs", Uint8Array][] {
  const traceId = Buffer.alloc(16, 1);
  traceId.writeUInt32BE(n, 4);
  const each = (make: (time: bigint, spanId: Buffer) => Field): Field[] =>
    Array.from({ length: RECORDS }, (_, i) => {
      const spanId = Buffer.alloc(8, i + 1);
      return make(nanos() - BigInt(i % 2) * 86_400_000_000_000n, spanId);
    });
  const spans = each((time, spanId) =>
    message(2, text(1, traceId), text(2, spanId), fixed64(7, time), fixed64(8, time)),
  );
  const events = each((time, spanId) =>
    logRecord(
      fixed64(1, time),
      text(9, traceId),
      text(10, spanId),
      text(12, "gen_ai.user.message"),
      message(5, text(1, `message ${n}/${spanId[0]}`)),
    ),
  );
  const evaluations = each((time, spanId) =>
    logRecord(
      fixed64(1, time),
      text(9, traceId),
      text(10, spanId),
      text(12, "gen_ai.evaluation.result"),
      keyValue(6, "gen_ai.evaluation.name", text(1, "Killed")),
      keyValue(6, "gen_ai.evaluation.score.value", double(4, n)),
      keyValue(6, "n", int(3, n)),
    ),
  );
  const line = logRecord(message(5, text(1, "not kept")));
  return [
    ["traces", request(...spans)],
    ["logs", request(line, ...events, ...evaluations, line)],
  ];
}

test("every acknowledged event is stored exactly once, whatever is killed", async () => {
  assay = await startAssay("collector", await assayEnv());
  let next = 0;
  let isOver = false;
  async function sendUntilOver(): Promise<void> {
    while (!isOver) {
      for (const [signal, sent] of requestsOf(++next)) {
        // What was in doubt is sent again until it is acknowledged: the same bytes are stored once.
        while ((await post(signal, sent).catch(() => 0)) !== 200) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    }
  }
  const senders = Array.from({ length: SENDERS }, sendUntilOver);
  for (let kill = 0; kill < KILLS; kill++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000 + Math.random() * 1_000));
    await (kill % 2 === 0 ? killAssay() : killEngine());
  }
  isOver = true;
  await Promise.all(senders);

  const expected = next * RECORDS;
  const COUNTS = `
    SELECT (SELECT count() FROM spans),
      (SELECT count() FROM span_content WHERE content_input LIKE '%message %/%'),
      (SELECT uniqExact(trace_id, span_id) FROM span_content WHERE content_input LIKE '%message %/%'),
      (SELECT count() FROM evaluations WHERE name = 'Killed'),
      (SELECT uniqExact(trace_id, span_id, score) FROM evaluations WHERE name = 'Killed')`;
  const all = Array.from({ length: 5 }, () => expected).join("\t");
  await until(
    () => rows(COUNTS),
    (counts) => counts === all,
    LEDGER_MS,
  );
  const metrics = await until(
    () => metricsOf(assay),
    (found) => found.get('assay_ledger_spans{state="stored"}') === 3 * expected,
    LEDGER_MS,
  );
  expect(metrics.get("assay_ledger_residual_spans")).toBe(0);
  expect(metrics.get('assay_ledger_spans{state="dead_lettered"}')).toBe(0);
  expect(await rows(COUNTS)).toBe(all);
}, 400_000);

async function killAssay(): Promise<void> {
  const exited = new Promise((resolve) => assay.child.once("exit", resolve));
  assay.child.kill("SIGKILL");
  await exited;
  assay = await startAssay("collector", assay.env);
}

async function killEngine(): Promise<void> {
  const [engine] = await until(
    () => childrenOf(assay.child.pid!),
    (children) => children.length === 1,
  );
  process.kill(engine!, "SIGKILL");
}
