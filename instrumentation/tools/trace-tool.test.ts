import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { beforeEach, expect, test } from "vitest";
import { drainAll } from "../drain.ts";
import { stats } from "../health.ts";
import { withContext } from "../llm-context.ts";
import { setPrivateProvider } from "../tracing.ts";
import { traceAgent } from "./trace-agent.ts";
import { traceTool } from "./trace-tool.ts";

const exporter = new InMemorySpanExporter();
setPrivateProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
beforeEach(() => {
  exporter.reset();
  stats.instrumentationErrors = 0;
});

function finished(): ReadableSpan[] {
  drainAll();
  return exporter.getFinishedSpans();
}

test("a tool: arguments, result, the id that the model gave", async () => {
  const weather = traceTool(
    "weather",
    async ({ city }: { city: string }, _options: { toolCallId: string }) => ({ rain: city }),
    { description: "what it is like", type: "extension" },
  );
  expect(await weather({ city: "Bern" }, { toolCallId: "call_1" })).toEqual({ rain: "Bern" });
  const [span] = finished();
  expect([span?.name, span?.kind]).toEqual(["execute_tool weather", SpanKind.INTERNAL]);
  expect(span?.attributes).toEqual({
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "weather",
    "gen_ai.tool.type": "extension",
    "gen_ai.tool.description": "what it is like",
    "gen_ai.tool.call.id": "call_1",
    "gen_ai.tool.call.arguments": '{"city":"Bern"}',
    "gen_ai.tool.call.result": '{"rain":"Bern"}',
  });
});

test("content off: names stay, what was said does not", () => {
  const add = traceTool("add", (a: number, b: number) => a + b);
  expect(withContext({ content: "off" }, () => add(2, 3))).toBe(5);
  expect(withContext({ content: "full" }, () => add(2, 3))).toBe(5);
  const [off, full] = finished();
  expect(off?.attributes["gen_ai.tool.call.arguments"]).toBeUndefined();
  expect(full?.attributes["gen_ai.tool.call.arguments"]).toBe("[2,3]");
  expect(full?.attributes["gen_ai.tool.call.result"]).toBe("5");
});

test("this, errors at once and later, and values that JSON has no words for", async () => {
  const problem = new RangeError("no");
  const holder = {
    amount: 10n,
    own: traceTool("own", function own(this: { amount: bigint }) {
      return this.amount;
    } as () => bigint),
  };
  expect(holder.own()).toBe(10n);
  expect(
    traceTool("throws", () => {
      throw problem;
    }),
  ).toThrow(problem);
  await expect(traceTool("rejects", () => Promise.reject(problem))()).rejects.toBe(problem);
  const spans = finished();
  expect(spans.map((span) => span.attributes["error.type"])).toEqual([
    undefined,
    "RangeError",
    "RangeError",
  ]);
  expect(spans.map((span) => span.status.code)).toEqual([
    SpanStatusCode.UNSET,
    SpanStatusCode.ERROR,
    SpanStatusCode.ERROR,
  ]);
  expect(stats.instrumentationErrors).toBe(0);
});

test("an agent: one tree, with concurrent runs apart", async () => {
  const look = traceTool("look", async (place: string) => `at ${place}`);
  const agent = traceAgent(
    "guide",
    async (place: string) => {
      await Promise.resolve();
      return { text: await look(place) };
    },
    { id: "g1", description: "shows around", version: "2" },
  );
  expect(await Promise.all([agent("a"), agent("b")])).toEqual([{ text: "at a" }, { text: "at b" }]);
  const spans = finished();
  const agents = spans.filter((span) => span.name === "invoke_agent guide");
  expect(agents.map((span) => span.attributes)).toEqual(
    ["a", "b"].map((place) => ({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "guide",
      "gen_ai.agent.id": "g1",
      "gen_ai.agent.description": "shows around",
      "gen_ai.agent.version": "2",
      "gen_ai.input.messages": `[{"role":"user","parts":[{"type":"text","content":"${place}"}]}]`,
      "gen_ai.output.messages": `[{"role":"assistant","parts":[{"type":"text","content":"at ${place}"}]}]`,
    })),
  );
  for (const [at, place] of ["a", "b"].entries()) {
    const id = agents[at]?.spanContext().spanId;
    const children = spans.filter((span) => span.parentSpanContext?.spanId === id);
    expect(children.map((span) => span.attributes["gen_ai.tool.call.arguments"])).toEqual([place]);
  }
});

test("an agent that streams stays the generator that it is, and what it does is its own", async () => {
  const look = traceTool("look", () => 1);
  const agent = traceAgent("streaming", async function* streaming(question: string) {
    yield `you asked `;
    look();
    yield question;
  });
  const run = agent("why");
  expect(Object.prototype.toString.call(run)).toBe("[object AsyncGenerator]");
  expect(finished()).toEqual([]);
  const seen: string[] = [];
  for await (const chunk of run) seen.push(chunk);
  expect(seen).toEqual(["you asked ", "why"]);
  const [tool, span] = finished();
  expect(tool?.parentSpanContext?.spanId).toBe(span?.spanContext().spanId);
  expect(span?.attributes["gen_ai.output.messages"]).toBe(
    '[{"role":"assistant","parts":[{"type":"text","content":"you asked why"}]}]',
  );
});

test("a stream that is left, or that breaks, ends its span", async () => {
  const problem = new TypeError("torn");
  const cleaned: string[] = [];
  const agent = traceAgent("streaming", async function* streaming(breaks: boolean) {
    try {
      yield "one";
      if (breaks) throw problem;
      yield "two";
    } finally {
      cleaned.push("done");
    }
  });
  for await (const _ of agent(false)) break;
  await expect(
    (async () => {
      for await (const _ of agent(true));
    })(),
  ).rejects.toBe(problem);
  expect(cleaned).toEqual(["done", "done"]);
  const outputs = finished().map((span) => [
    span.attributes["error.type"],
    String(span.attributes["gen_ai.output.messages"]).includes('"one"'),
  ]);
  expect(outputs).toEqual([
    [undefined, true],
    ["TypeError", true],
  ]);
});

test("an iterator written by hand may answer at once", async () => {
  const values = [1, 2];
  const iterator = {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => ({ done: values.length === 0, value: values.shift() }),
  };
  const tool = traceTool("count", () => iterator as unknown as AsyncIterable<number>);
  const seen: number[] = [];
  expect(tool()).toBe(iterator);
  for await (const value of tool()) seen.push(value);
  expect(seen).toEqual([1, 2]);
  expect(finished().map((span) => span.attributes["gen_ai.tool.call.result"])).toContain("2");
});

test("an error that nobody listens to is still reported", async () => {
  const reported = new Promise((resolve) => process.once("unhandledRejection", resolve));
  const problem = new Error("nobody listens");
  void traceAgent("left", () => Promise.reject(problem))();
  expect(await reported).toBe(problem);
});

test("errors of ours do not reach the service", () => {
  const tool = traceTool("odd", (value: unknown) => value, {
    callId: () => {
      throw new Error("ours");
    },
  });
  expect(tool(1)).toBe(1);
  expect(stats.instrumentationErrors).toBe(1);
});
