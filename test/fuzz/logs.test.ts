/** Mutated logs requests: whatever is let in is encoded, a row for each record that is kept; what is not is refused in order. */
import { loadPriceBook } from "@assay/instrumentation/pricing";
import { expect, test } from "vitest";

import { createEncoder } from "../../collector/encode/encoder.ts";
import { transcodeLogs } from "../../collector/otlp/json.ts";
import { withoutLogs } from "../../collector/otlp/keep-logs.ts";
import { validateLogs } from "../../collector/otlp/validate-logs.ts";
import {
  body,
  double,
  fixed64,
  int,
  keyValue,
  logRecord,
  message,
  ofSpan,
  SPAN_ID,
  text,
  TRACE_ID,
} from "../../collector/otlp/testing.ts";
import { createLogRedactor } from "../../collector/redact/logs.ts";
import { rules } from "../../collector/redact/testing.ts";
import { PermanentError } from "../../collector/stages.ts";
import { mutate, seededRandom } from "./mutations.ts";

const REQUESTS = 4_000;
const NOW = BigInt(Date.now()) * 1_000_000n;

const PROTOBUF = body(
  message(
    1,
    message(1, keyValue(1, "service.name", text(1, "shop"))),
    message(
      2,
      message(1, text(1, "my.evals")),
      logRecord(
        fixed64(1, NOW),
        text(12, "gen_ai.evaluation.result"),
        ofSpan,
        keyValue(6, "gen_ai.evaluation.name", text(1, "Relevance")),
        keyValue(6, "gen_ai.evaluation.score.value", double(4, 0.5)),
        keyValue(6, "gen_ai.evaluation.explanation", text(1, "x".repeat(200))),
      ),
      logRecord(fixed64(11, NOW), message(5, text(1, "an ordinary line")), int(2, 9)),
      logRecord(
        keyValue(6, "event.name", text(1, "gen_ai.choice")),
        ofSpan,
        message(
          5,
          message(
            6,
            keyValue(1, "finish_reason", text(1, "stop")),
            keyValue(1, "message", message(6, keyValue(1, "content", text(1, "Paris")))),
          ),
        ),
      ),
      logRecord(
        text(12, "gen_ai.client.inference.operation.details"),
        ofSpan,
        keyValue(6, "gen_ai.input.messages", message(5, message(1, text(1, '{"role":"user"}')))),
      ),
    ),
  ),
);
const ids = { traceId: TRACE_ID.toString("hex"), spanId: SPAN_ID.toString("hex") };
const of = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const JSON_TEXT = Buffer.from(
  JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: [of("service.name", "shop")] },
        scopeLogs: [
          {
            logRecords: [
              {
                eventName: "gen_ai.evaluation.result",
                timeUnixNano: String(NOW),
                severityNumber: "SEVERITY_NUMBER_INFO",
                ...ids,
                attributes: [of("gen_ai.evaluation.name", "Relevance")],
              },
              { eventName: "gen_ai.user.message", ...ids, body: { stringValue: "Hi" } },
              { body: { kvlistValue: { values: [of("a", "b")] } } },
            ],
          },
        ],
      },
    ],
  }),
);

test.each([1, 2])("seed %d", (seed) => {
  const random = seededRandom(seed);
  const redact = createLogRedactor({ rules: rules({ content: "drop" }), projects: new Map() });
  const encoder = createEncoder({
    priceBook: loadPriceBook(),
    collectorId: "fuzz",
    maxSpanAgeMs: 86_400_000,
  });
  const encode = (sent: Uint8Array, seq: number, spanCount: number): void =>
    encoder.append({
      signal: "logs",
      seq,
      body: sent,
      spanCount,
      rejected: [],
      receivedAtUnixMs: Date.now(),
    });
  let accepted = 0;
  for (let n = 0; n < REQUESTS; n++) {
    const isJson = random() < 0.4;
    const { name, body: sent } = mutate(Buffer.from(isJson ? JSON_TEXT : PROTOBUF), random);
    const what = `request ${n} (${name})`;
    let protobuf: Uint8Array;
    let found: ReturnType<typeof validateLogs>;
    try {
      protobuf = isJson ? transcodeLogs(sent).body : sent;
      found = validateLogs(protobuf);
    } catch (error) {
      expect(error, what).toBeInstanceOf(PermanentError);
      continue;
    }
    accepted++;
    const kept = withoutLogs(protobuf, found.rejected);
    const count = found.spanCount - found.rejected.length;
    expect(validateLogs(kept), what).toMatchObject({ spanCount: count, rejected: [] });
    const before = encoder.rows;
    encode(kept, n, count);
    encode(redact(kept).body, n, count);
    expect(encoder.rows - before, what).toBe(2 * count);
    if (encoder.rows > 5_000) encoder.finish(n);
  }
  expect(accepted).toBeGreaterThan(REQUESTS / 50);
});
