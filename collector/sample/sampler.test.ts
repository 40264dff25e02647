import { expect, test } from "vitest";
import { body, fixed64, int, keyValue, message, SPAN_ID, text } from "../otlp/testing.ts";
import type { Field } from "../otlp/testing.ts";
import { validateTraces } from "../otlp/validate.ts";
import type { AcceptedRequest } from "../stages.ts";
import { createSampler, type SamplePolicy } from "./sampler.ts";
import { createSampleStage } from "./stage.ts";
import { randomnessOf, thresholdOf, withThreshold } from "./threshold.ts";

const POLICY: SamplePolicy = { keep: 0.25, errors: true, slowMs: 1_000 };
/** R is 0x40…: below the threshold of 0.25 (0xc0…); R is 0xd0…: above. */
const OUT = Buffer.from("00000000000000000040000000000000", "hex").fill(7, 0, 8);
const IN = Buffer.from("000000000000000000d0000000000000", "hex").fill(7, 0, 8);

const spanOf = (traceId: Uint8Array, ...fields: Field[]): Field =>
  message(2, text(1, traceId), text(2, SPAN_ID), ...fields);
const requestOf = (...spans: Field[]): Uint8Array =>
  body(
    message(1, message(1, text(77, "unknown")), message(2, ...spans), message(2, text(3, "url"))),
  );

const sampled = (spans: Field[], rejected: number[] = [], policy = POLICY) => {
  const result = createSampler(policy)(requestOf(...spans), rejected);
  expect(validateTraces(result.body).spanCount).toBe(result.spanCount);
  return result;
};

test.each<[situation: string, spans: Field[], kept: number]>([
  ["an ordinary trace below the threshold", [spanOf(OUT), spanOf(OUT)], 0],
  ["an ordinary trace above it", [spanOf(IN), spanOf(IN)], 2],
  [
    "a model call keeps its whole trace",
    [spanOf(OUT), spanOf(OUT, keyValue(9, "gen_ai.operation.name", text(1, "chat")))],
    2,
  ],
  [
    "a tool of another dialect",
    [spanOf(OUT, keyValue(9, "openinference.span.kind", text(1, "TOOL")))],
    1,
  ],
  ["messages as events", [spanOf(OUT, message(11, text(2, "gen_ai.choice")))], 1],
  ["an error", [spanOf(OUT), spanOf(OUT, message(15, int(3, 2)))], 2],
  ["a slow root", [spanOf(OUT, fixed64(7, 5n), fixed64(8, 1_000_000_005n))], 1],
  [
    "a slow span that is no root",
    [spanOf(OUT, text(4, SPAN_ID), fixed64(7, 5n), fixed64(8, 2_000_000_005n))],
    0,
  ],
  ["randomness in the trace state", [spanOf(OUT, text(3, "ot=rv:ffffffffffffff"))], 1],
])("%s", (_situation, spans, kept) => {
  expect(sampled(spans).spanCount).toBe(kept);
  expect(sampled(spans).sampledOut).toBe(spans.length - kept);
});

test("what is kept by policy stays byte for byte, and the body is the same object", () => {
  const original = requestOf(spanOf(OUT, keyValue(9, "llm.provider", text(1, "x"))));
  expect(createSampler(POLICY)(original, []).body).toBe(original);
});

test("what is kept by probability carries its threshold; the rest of the request stays", () => {
  const { body: kept } = sampled([
    spanOf(OUT),
    spanOf(IN, text(3, "a=b"), text(5, "GET /"), text(60, "x")),
  ]);
  expect(Buffer.from(kept)).toEqual(
    Buffer.from(requestOf(spanOf(IN, text(5, "GET /"), text(60, "x"), text(3, "ot=th:c,a=b")))),
  );
  expect(createSampler(POLICY)(kept, []).body).toBe(kept);
});

test("refused spans keep their place, whatever is left out around them", () => {
  const bad = message(2, text(1, "short"), text(2, SPAN_ID));
  const { spanCount, rejected, sampledOut } = sampled([spanOf(OUT), bad, spanOf(IN), bad], [1, 3]);
  expect({ spanCount, rejected, sampledOut }).toEqual({
    spanCount: 3,
    rejected: [0, 2],
    sampledOut: 1,
  });
});

test("thresholds", () => {
  expect(withThreshold("", thresholdOf(0.5))).toBe("ot=th:8");
  expect(withThreshold("", thresholdOf(1))).toBe("ot=th:0");
  expect(withThreshold("x=y,ot=rv:0123456789abcd;th:4", thresholdOf(0.5))).toBe(
    "ot=th:8;rv:0123456789abcd,x=y",
  );
  expect(withThreshold("ot=th:c", thresholdOf(0.5))).toBeUndefined();
  expect(withThreshold("ot=th:zz", thresholdOf(0.25))).toBe("ot=th:c");
  expect(randomnessOf(IN, "")).toBe(0xd0000000000000n);
});

test("the share that is kept is the probability, whatever the request", () => {
  const sample = createSampler({ keep: 0.1, errors: true, slowMs: undefined });
  let seed = 1n;
  let kept = 0;
  for (let i = 0; i < 20_000; i++) {
    seed = (seed * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    const id = Buffer.alloc(16, 1);
    id.writeBigUInt64BE((seed >> 8n) | 1n, 8);
    kept += sample(requestOf(spanOf(id)), []).spanCount;
  }
  expect(kept / 20_000).toBeGreaterThan(0.09);
  expect(kept / 20_000).toBeLessThan(0.11);
});

test("the stage counts what it leaves out, and passes on the rest only", async () => {
  const passed: AcceptedRequest[] = [];
  const stage = createSampleStage(POLICY, async (request) => {
    passed.push(request);
    return "appended";
  });
  let freed = 0;
  const consume = (spans: Field[], signal: "traces" | "logs" = "traces") =>
    stage.consume({
      signal,
      body: requestOf(...spans),
      spanCount: spans.length,
      rejected: [],
      receivedAtUnixMs: 1,
      bodyHash: new Uint8Array(16),
      free: () => freed++,
    });
  expect(await consume([spanOf(OUT), spanOf(IN)])).toBe("appended");
  expect(await consume([spanOf(OUT), spanOf(OUT)])).toBe("appended");
  expect(await consume([spanOf(OUT)], "logs")).toBe("appended");
  expect(passed.map(({ spanCount }) => spanCount)).toEqual([1, 1]);
  expect(stage.stats()).toEqual({ sampledOutSpans: 3 });
  expect(freed).toBe(1);
});
