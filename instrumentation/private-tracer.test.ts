/** The private tracer's spans beside those of OpenTelemetry's SDK: what is done to both is to be read from both. */
import {
  SpanStatusCode,
  SpanKind,
  trace,
  TraceFlags,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import { TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { expect, test } from "vitest";
import { PRIVATE_ROOT } from "./private-context.ts";
import { PrivateTracerProvider } from "./private-tracer.ts";

const ended: ReadableSpan[] = [];
const onEnd = (span: ReadableSpan): void => void ended.push(span);
const sdk = new TracerProvider({
  spanProcessors: [{ onStart() {}, onEnd, forceFlush: async () => {}, shutdown: async () => {} }],
});
const resource = sdk.getTracer("x").startSpan("x") as unknown as ReadableSpan;
const ours = new PrivateTracerProvider({ resource: resource.resource, ended: onEnd });

function readable(tracer: Tracer, work: (span: Span) => void, startTime?: number) {
  ended.length = 0;
  const options = {
    kind: SpanKind.CLIENT,
    attributes: { a: 1 },
    ...(startTime ? { startTime } : {}),
  };
  work(tracer.startSpan("name", options, PRIVATE_ROOT));
  const [span, ...more] = ended;
  expect(more).toEqual([]);
  const { name, kind, status, attributes, links, startTime: start, endTime, duration } = span!;
  const events = span!.events.map(({ name, attributes, time }) => ({ name, attributes, time }));
  return { name, kind, status, attributes, links, events, startTime: start, endTime, duration };
}

const AT = 1_764_000_000_250.5;
const link = { context: { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 } };
const CASES: Readonly<Record<string, (span: Span) => void>> = {
  "attributes, set one by one and together": (span) => {
    span.setAttribute("b", "x").setAttributes({ a: 2, c: [1, 2] });
    span.end(AT + 1_999.25);
  },
  "events with and without attributes and times": (span) => {
    span.addEvent("one", { a: 1 }, AT);
    span.addEvent("two", AT + 5);
    span.addEvent("three", { b: true }, [1_764_000_001, 5]);
    span.end(AT + 1);
  },
  "an exception": (span) => {
    span.recordException({ name: "TypeError", message: "no", stack: "at" }, AT);
    span.recordException("text", AT);
    span.end(AT + 1);
  },
  "a status is not taken back": (span) => {
    span.setStatus({ code: SpanStatusCode.ERROR, message: "broke" });
    span.setStatus({ code: SpanStatusCode.UNSET });
    span.end(AT + 1);
  },
  "ok is final": (span) => {
    span.setStatus({ code: SpanStatusCode.OK, message: "not kept" });
    span.setStatus({ code: SpanStatusCode.ERROR, message: "broke" });
    span.end(AT + 1);
  },
  "a name and links": (span) => {
    span.updateName("other").addLink(link).addLinks([link]);
    span.end(AT + 1);
  },
  "what comes after the end is nothing": (span) => {
    span.end(AT + 1);
    span.setAttribute("late", 1).updateName("late").addEvent("late");
    span.end(AT + 2);
  },
  "an end before the start is the start": (span) => span.end(AT - 10),
};

test.each(Object.keys(CASES))("%s", (name) => {
  const work = CASES[name]!;
  expect(readable(ours.getTracer("t"), work, AT)).toEqual(readable(sdk.getTracer("t"), work, AT));
});

test("times of performance.now() become those of the clock", () => {
  const before = Date.now();
  const { startTime, endTime } = readable(ours.getTracer("t"), (span) =>
    span.end(performance.now()),
  );
  for (const [seconds, nanos] of [startTime, endTime]) {
    const ms = seconds * 1_000 + nanos / 1e6;
    expect(ms).toBeGreaterThan(before - 5);
    expect(ms).toBeLessThan(Date.now() + 5);
  }
});

test("ids are of their parent's trace, and no two are the same", () => {
  const tracer = ours.getTracer("t");
  const seen = new Set<string>();
  for (let at = 0; at < 2_000; at++) {
    const parent = tracer.startSpan("parent", {}, PRIVATE_ROOT).spanContext();
    const within = trace.setSpanContext(PRIVATE_ROOT, parent);
    const child = tracer.startSpan("child", {}, within).spanContext();
    expect(child.traceId).toBe(parent.traceId);
    for (const id of [parent.traceId, parent.spanId, child.spanId]) seen.add(id);
  }
  expect(seen.size).toBe(6_000);
  for (const id of seen) expect(id).toMatch(/^([0-9a-f]{16}|[0-9a-f]{32})$/);
});

test("a child of what is not sampled is not recorded, and is of its trace", () => {
  const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: TraceFlags.NONE };
  const within = trace.setSpanContext(PRIVATE_ROOT, parent);
  const child = ours.getTracer("t").startSpan("child", {}, within);
  expect(child.isRecording()).toBe(false);
  expect(child.spanContext()).toMatchObject({ traceId: parent.traceId, traceFlags: 0 });
});

test("contexts are values", () => {
  const [a, b] = [Symbol("a"), Symbol("b")];
  const one = PRIVATE_ROOT.setValue(a, 1);
  const two = one.setValue(b, 2).setValue(a, 3);
  expect([one.getValue(a), one.getValue(b)]).toEqual([1, undefined]);
  expect([two.getValue(a), two.getValue(b)]).toEqual([3, 2]);
  expect(two.deleteValue(a).getValue(a)).toBeUndefined();
  expect(two.deleteValue(a).getValue(b)).toBe(2);
  expect(PRIVATE_ROOT.getValue(a)).toBeUndefined();
});
