/** L01 to L09: logs over each transport and encoding, read back from the block that goes into ClickHouse. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT_CONTEXT, trace, TraceFlags } from "@opentelemetry/api";
import { OTLPLogExporter as JsonExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtobufExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { ProtobufLogsSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  type LogRecordExporter,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Row } from "../../collector/encode/native-reading.ts";
import { openLog } from "../../collector/log/log.ts";
import {
  body,
  fixed64,
  keyValue,
  logRecord,
  message,
  request,
  span,
  SPAN_ID,
  text,
  TRACE_ID,
} from "../../collector/otlp/testing.ts";
import { RefusedError } from "../../collector/stages.ts";
import {
  ENCODINGS,
  MiB,
  send,
  startReceivers,
  TRANSPORTS,
  type Receivers,
  type Transport,
} from "./receivers.ts";

const OK = 0;
const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;
const TRACE_HEX = TRACE_ID.toString("hex");
const SPAN_HEX = SPAN_ID.toString("hex");
const NOW = BigInt(Date.now()) * 1_000_000n;
const DONE = { code: OK, rejected: 0, message: "" };

let to: Receivers;
beforeAll(async () => {
  to = await startReceivers();
});
afterAll(() => to.stop());

/** One log record as protobuf or JSON, by the same words. */
function recordOf(
  transport: Transport,
  event: string,
  attributes: Record<string, string>,
  hasIds = true,
): Uint8Array {
  if (transport === "HTTP/JSON") {
    return jsonOf({
      eventName: event,
      timeUnixNano: String(NOW),
      ...(hasIds && { traceId: TRACE_HEX.toUpperCase(), spanId: SPAN_HEX }),
      attributes: Object.entries(attributes).map(([key, stringValue]) => ({
        key,
        value: { stringValue },
      })),
    });
  }
  return request(
    logRecord(
      text(12, event),
      fixed64(1, NOW),
      ...(hasIds ? [text(9, TRACE_ID), text(10, SPAN_ID)] : []),
      ...Object.entries(attributes).map(([key, value]) => keyValue(6, key, text(1, value))),
    ),
  );
}

const jsonOf = (...logRecords: object[]): Buffer =>
  Buffer.from(JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }));

const EVALUATION = "gen_ai.evaluation.result";
const NAME = { "gen_ai.evaluation.name": "Relevance" };
const sendLogs = (transport: Transport, bytes: Uint8Array) =>
  send(to, transport, "identity", bytes, "logs");

describe.each(TRANSPORTS)("%s", (transport) => {
  test.each(ENCODINGS)("L01 an event, %s, is kept", async (encoding) => {
    const bytes = recordOf(transport, EVALUATION, NAME);
    expect(await send(to, transport, encoding, bytes, "logs")).toEqual(DONE);
    expect(to.taken).toMatchObject([{ signal: "logs", spanCount: 1, rejected: [] }]);
    expect(to.rows()).toMatchObject([
      { row_kind: "evaluation", name: "Relevance", trace_id: TRACE_HEX, event_time: NOW },
    ]);
  });

  test("L01 an empty request is a success", async () => {
    expect(await sendLogs(transport, Buffer.alloc(0))).toEqual(DONE);
    expect(to.taken).toEqual([]);
  });

  test.each([
    [EVALUATION, NAME, "evaluation"],
    ["gen_ai.choice", { message: '{"content":"Paris"}' }, "message"],
    ["gen_ai.client.inference.operation.details", { "gen_ai.input.messages": "[]" }, "content"],
  ])("L02 %s", async (event, attributes, kind) => {
    const older = { ...attributes, "event.name": event };
    expect(await sendLogs(transport, recordOf(transport, event, attributes))).toEqual(DONE);
    expect(await sendLogs(transport, recordOf(transport, "", older))).toEqual(DONE);
    const [row, again] = to.rows();
    expect(row).toMatchObject({ row_kind: kind, span_id: SPAN_HEX });
    expect({ ...again, received_at: 0 }).toEqual({ ...row, received_at: 0 });
  });

  test("L03 a line of an application's log is not kept, and that is said", async () => {
    const before = transport === "gRPC" ? to.grpc.stats() : to.http.stats();
    const outcome = await sendLogs(transport, recordOf(transport, "", { "log.level": "info" }));
    expect(outcome).toMatchObject({ code: OK, rejected: 1 });
    expect(outcome.message).toMatch(/^1 log record rejected: 1× no GenAI event.*EXPORTER=none/);
    expect(to.taken).toEqual([]);
    const after = transport === "gRPC" ? to.grpc.stats() : to.http.stats();
    expect(after.rejectedLogRecords - before.rejectedLogRecords).toBe(1);
    expect(after.acceptedLogRecords).toBe(before.acceptedLogRecords);
  });

  test("L05 malformed", async () => {
    const bytes =
      transport === "HTTP/JSON" ? Buffer.from('{"resourceLogs":7}') : body([0x0a, 0x7f]);
    expect(await sendLogs(transport, bytes)).toMatchObject({ code: INVALID_ARGUMENT });
    expect(to.taken).toEqual([]);
  });

  test("L06 without ids an evaluation is kept, a message refused alone", async () => {
    expect(await sendLogs(transport, recordOf(transport, EVALUATION, NAME, false))).toEqual(DONE);
    expect(to.rows()).toMatchObject([{ trace_id: "0".repeat(32), span_id: "0".repeat(16) }]);
    const outcome = await sendLogs(transport, recordOf(transport, "gen_ai.choice", {}, false));
    expect(outcome).toEqual({
      code: OK,
      rejected: 1,
      message: "1 log record rejected: 1× message event without the ids of a span",
    });
  });

  test("L07 overload", async () => {
    const full = await startReceivers({
      consume: () => Promise.reject(new RefusedError("the log is full", 2)),
    });
    const bytes = recordOf(transport, EVALUATION, NAME);
    expect(await send(full, transport, "identity", bytes, "logs")).toMatchObject({
      code: UNAVAILABLE,
      message: expect.stringContaining("the log is full"),
    });
    const { refusedLogRecords, refusedSpans } = (
      transport === "gRPC" ? full.grpc : full.http
    ).stats();
    expect({ refusedLogRecords, refusedSpans }).toEqual({ refusedLogRecords: 1, refusedSpans: 0 });
    await full.stop();
  });
});

test("L03 what is kept leaves the rest behind: it is in no log of ours", async () => {
  const secret = "the application's own business";
  const line = logRecord(message(5, text(1, secret)));
  const event = logRecord(
    text(12, EVALUATION),
    keyValue(6, "gen_ai.evaluation.name", text(1, "R")),
  );
  const outcome = await sendLogs("HTTP/protobuf", request(line, event, line));
  expect(outcome).toMatchObject({ code: OK, rejected: 2 });
  expect(to.taken).toMatchObject([{ spanCount: 1, rejected: [] }]);
  expect(Buffer.from(to.taken[0]!.body).includes(secret)).toBe(false);
  expect(to.rows()).toMatchObject([{ name: "R" }]);
});

test("L04 times keep every digit, severities have numbers or names, null is nothing", async () => {
  const time = 1_544_712_660_300_000_001n;
  const record = { eventName: EVALUATION, observedTimeUnixNano: String(time), body: null };
  const attributes = [{ key: "gen_ai.evaluation.name", value: { stringValue: "R" } }];
  const outcome = await sendLogs(
    "HTTP/JSON",
    jsonOf(
      { ...record, attributes, severityNumber: 9 },
      { ...record, attributes, severityNumber: "SEVERITY_NUMBER_WARN2" },
      { ...record, attributes, severityNumber: "SEVERITY_NUMBER_LOUD" },
    ),
  );
  expect(outcome.rejected).toBe(1);
  expect(outcome.message).toContain('unknown severityNumber "SEVERITY_NUMBER_LOUD"');
  expect(outcome.message).toContain("severityNumber given by name");
  expect(to.rows().map((row) => row["end_unix_nano"])).toEqual([time, time]);
});

test("L06 an id that is not hexadecimal is none", async () => {
  const attributes = [{ key: "gen_ai.evaluation.name", value: { stringValue: "R" } }];
  const outcome = await sendLogs(
    "HTTP/JSON",
    jsonOf({ eventName: EVALUATION, traceId: "W4oef/mYA4ED0mm2M4H8YA==", attributes }),
  );
  expect(outcome).toMatchObject({ code: OK, rejected: 0 });
  expect(outcome.message).toContain("traceId is not hexadecimal");
  expect(to.rows()).toMatchObject([{ trace_id: "0".repeat(32) }]);
});

test("L08 the same request again, over any transport, is in the log once", async () => {
  const dir = await mkdtemp(join(tmpdir(), "assay-"));
  const log = await openLog({ dir, maxBytes: 64 * MiB, validatorVersion: 1, log: () => {} });
  const receivers = await startReceivers({ consume: (accepted) => log.append(accepted) });
  // A span and an evaluation at once: field 12 is a span's count and a record's name.
  const bytes = recordOf("HTTP/protobuf", EVALUATION, NAME);
  for (const transport of ["HTTP/protobuf", "gRPC", "HTTP/protobuf"] as const) {
    expect((await send(receivers, transport, "identity", bytes, "logs")).code).toBe(OK);
  }
  expect(log.stats()).toMatchObject({ appendedRecords: 1, duplicateRequests: 2 });
  await receivers.stop();
  await log.close();
  await rm(dir, { recursive: true });
});

test("L08 the same bytes as traces and as logs are two requests", async () => {
  const bytes = request();
  const both = body([...request(span()), ...bytes]);
  await send(to, "HTTP/protobuf", "identity", both);
  const [asTraces] = to.taken.splice(0);
  const event = recordOf("HTTP/protobuf", EVALUATION, NAME);
  await send(to, "HTTP/protobuf", "identity", event, "logs");
  await send(to, "gRPC", "identity", event, "logs");
  const [asLogs, again] = to.taken.splice(0);
  expect(asLogs!.bodyHash).toEqual(again!.bodyHash);
  expect(asTraces!.bodyHash).not.toEqual(asLogs!.bodyHash);
});

describe("L09 the exporters of the JavaScript SDK", () => {
  const context = trace.setSpanContext(ROOT_CONTEXT, {
    traceId: TRACE_HEX,
    spanId: SPAN_HEX,
    traceFlags: TraceFlags.SAMPLED,
  });
  const resource = resourceFromAttributes({ "service.name": "sdk" });

  function emit(exporter: LogRecordExporter): LoggerProvider {
    const processors = [new SimpleLogRecordProcessor({ exporter })];
    const provider = new LoggerProvider({ resource, processors });
    provider.getLogger("my.evals", "1.0").emit({
      eventName: EVALUATION,
      context,
      timestamp: Number(NOW / 1_000_000n),
      attributes: { ...NAME, "gen_ai.evaluation.score.value": 0.5 },
    });
    return provider;
  }

  function expectKept(rows: Row[]): void {
    expect(rows).toMatchObject([
      {
        row_kind: "evaluation",
        service: "sdk",
        scope_name: "my.evals",
        name: "Relevance",
        trace_id: TRACE_HEX,
        span_id: SPAN_HEX,
        attrs_double: new Map([["gen_ai.evaluation.score.value", 0.5]]),
      },
    ]);
  }

  test.each([
    ["JSON", JsonExporter],
    ["protobuf", ProtobufExporter],
  ])("HTTP, %s", async (_, Exporter) => {
    const provider = emit(new Exporter({ url: `http://127.0.0.1:${to.httpPort}/v1/logs` }));
    await vi.waitUntil(() => to.taken.length > 0);
    expectKept(to.rows());
    await provider.shutdown();
  });

  test("their bytes over gRPC", async () => {
    const memory = new InMemoryLogRecordExporter();
    await emit(memory).forceFlush();
    const bytes = ProtobufLogsSerializer.serializeRequest(memory.getFinishedLogRecords())!;
    expect(await sendLogs("gRPC", bytes)).toEqual(DONE);
    expectKept(to.rows());
  });
});
