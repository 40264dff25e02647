/** What our protobuf says is what OpenTelemetry's JSON exporter says, span by span and field by field. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Attributes } from "@opentelemetry/api";
import { TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startOtlpSink, type OtlpSink } from "../testing/otlp-sink.ts";
import type { TraceRequest } from "../testing/otlp-messages.ts";
import { jsonSender, protobufSender, type SpanBatch, type SpanSender } from "./senders.ts";

let sink: OtlpSink;
beforeAll(async () => {
  sink = await startOtlpSink();
});
afterAll(() => sink.close());

async function sent<Batch extends SpanBatch>(
  sender: SpanSender<Batch>,
  spans: ReadableSpan[],
): Promise<TraceRequest> {
  const before = sink.requests.length;
  const batch = sender.open();
  for (const span of spans) batch.add(span, span.attributes);
  const result = await new Promise<{ code: number }>((done) => sender.export(batch, done));
  expect(result.code).toBe(0);
  await sender.shutdown();
  expect(sink.requests).toHaveLength(before + 1);
  return sink.requests[before]!;
}

const ATTRIBUTES: Readonly<Record<string, Attributes>> = {
  "no attributes": {},
  texts: { a: "", b: "x", c: "ä€😀", d: "y".repeat(42), e: "y".repeat(43), f: "€".repeat(50_000) },
  booleans: { yes: true, no: false },
  "whole numbers": {
    a: 0,
    b: 1,
    c: 127,
    d: 128,
    e: 2 ** 31,
    f: 2 ** 53 - 1,
    g: -1,
    h: -(2 ** 53) + 1,
  },
  fractions: { a: 0.5, b: -1e-300, c: Math.PI },
  lists: { a: ["x", "y"], b: [1, 2.5, -3], c: [true, false], d: [], e: ["x", null, undefined] },
  "a long key": { ["k".repeat(300)]: 1 },
  many: Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`key.${at}`, at])),
};

function spansWith(attributes: Attributes): ReadableSpan[] {
  const ended: ReadableSpan[] = [];
  const keep = { onStart() {}, onEnd: (span: ReadableSpan) => void ended.push(span) };
  const provider = new TracerProvider({
    spanProcessors: [{ ...keep, forceFlush: async () => {}, shutdown: async () => {} }],
    spanLimits: { attributeCountLimit: 5_000 },
  });
  const tracer = provider.getTracer("one", "1.0", { schemaUrl: "https://example.org/1" });
  const parent = tracer.startSpan("parent", { kind: SpanKind.SERVER, startTime: 0 });
  const link = { context: parent.spanContext(), attributes };
  const context = trace.setSpanContext(ROOT_CONTEXT, { ...parent.spanContext(), isRemote: true });
  const child = tracer.startSpan(
    "child ä",
    { kind: SpanKind.CLIENT, attributes, links: [link], startTime: [1_764_000_000, 999_999_999] },
    context,
  );
  child.addEvent("happened", attributes, [1_764_000_001, 5]);
  child.setStatus({ code: SpanStatusCode.ERROR, message: "it broke" });
  child.end([4_294_967_296, 1]);
  parent.setStatus({ code: SpanStatusCode.OK });
  parent.end();
  provider.getTracer("two").startSpan("elsewhere").end();
  return ended;
}

describe("protobuf and JSON say the same", () => {
  test.each(Object.entries(ATTRIBUTES))("%s", async (_, attributes) => {
    const spans = spansWith(attributes);
    const url = `${sink.url}/v1/traces`;
    const json = await sent(jsonSender({ url }), spans);
    const protobuf = await sent(protobufSender({ url }), spans);
    expect(normal(byScope(protobuf))).toEqual(normal(byScope(json)));
    expect(byScope(json)).toHaveLength(2);
  });
});

test("what JSON's exporter gets wrong: numbers beyond 64 bits, half a surrogate pair", async () => {
  const spans = spansWith({ huge: 1e300, half: "x\ud800y" });
  const { resourceSpans } = await sent(protobufSender({ url: `${sink.url}/v1/traces` }), spans);
  expect(resourceSpans[0]?.scopeSpans[0]?.spans[0]?.attributes).toEqual([
    { key: "huge", value: { doubleValue: 1e300 } },
    { key: "half", value: { stringValue: "x\ufffdy" } },
  ]);
});

test("a span that cannot be read is an error, and what is sent with it is whole", async () => {
  const sender = protobufSender({ url: `${sink.url}/v1/traces` });
  const [span] = spansWith({ a: 1 });
  const hostile = {
    get a(): string {
      throw new Error("no");
    },
  };
  const batch = sender.open();
  batch.add(span!, { before: 1 });
  expect(() => batch.add(span!, hostile)).toThrow("no");
  batch.add(span!, { after: 1 });
  expect(batch.spans).toBe(2);
  const before = sink.requests.length;
  await new Promise((done) => sender.export(batch, done));
  const { spans } = sink.requests[before]!.resourceSpans[0]!.scopeSpans[0]!;
  expect(spans.map(({ attributes }) => attributes[0]?.key)).toEqual(["before", "after"]);
  await sender.shutdown();
});

test("the buffer of a batch that was sent serves the next ones, which say nothing of it", async () => {
  const url = `${sink.url}/v1/traces`;
  const [span] = spansWith({ long: "x".repeat(100_000) });
  for (const _ of [1, 2, 3]) await sent(protobufSender({ url }), [span!, span!]);
  const short = spansWith({ a: 1 });
  const expected = await sent(jsonSender({ url }), short);
  const seen = await sent(protobufSender({ url }), short);
  expect(normal(byScope(seen))).toEqual(normal(byScope(expected)));
});

/** A resource is said anew for each scope, or once for all: both mean the same. */
function byScope({ resourceSpans }: TraceRequest): unknown[] {
  return resourceSpans.flatMap(({ scopeSpans, ...rest }) =>
    scopeSpans.map((one) => ({ resource: rest, ...one })),
  );
}

/** Fields that are at their default are left out in one form and written in the other. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => !isDefault(member))
      .map(([name, member]) => [name, name === "intValue" ? String(member) : normal(member)]),
  );
}

function isDefault(member: unknown): boolean {
  if (member === undefined || member === "" || member === 0 || member === "0" || member === false)
    return true;
  if (Array.isArray(member)) return member.length === 0;
  return typeof member === "object" && member !== null && Object.values(member).every(isDefault);
}
