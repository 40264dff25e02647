import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { beforeEach, expect, test } from "vitest";
import { drainAll } from "../drain.ts";
import { stats } from "../health.ts";
import { setPrivateProvider } from "../tracing.ts";
import { instrument } from "../instrument.ts";
import { openai } from "./patch.ts";

const exporter = new InMemorySpanExporter();
setPrivateProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));

beforeEach(() => {
  exporter.reset();
  stats.instrumentationErrors = 0;
});

/** A client of an SDK that nobody has seen yet. */
function clientWith(create: (this: unknown, ...args: unknown[]) => unknown) {
  return { chat: { completions: { create } } };
}

function finished() {
  drainAll();
  return exporter.getFinishedSpans();
}

test("what a method of unknown shape returns comes through untouched", async () => {
  const answer = Promise.resolve({ id: "1" });
  const client = instrument(clientWith(() => answer));
  expect(client.chat.completions.create({ model: "m" })).toBe(answer);
  expect(await answer).toEqual({ id: "1" });
  expect(finished()).toHaveLength(1);
});

test("an error thrown at once is the service's, and the span's", () => {
  const problem = new TypeError("no");
  const client = instrument(
    clientWith(() => {
      throw problem;
    }),
  );
  expect(() => client.chat.completions.create({ model: "m" })).toThrow(problem);
  expect(finished()[0]?.attributes["error.type"]).toBe("TypeError");
});

test("an error of ours does not reach the service", () => {
  const seen: unknown[] = [];
  const client = instrument(clientWith((...args) => seen.push(...args)));
  const hostile = {
    model: "m",
    get temperature(): number {
      throw new Error("not for you");
    },
  };
  expect(client.chat.completions.create(hostile)).toBe(1);
  expect(seen).toEqual([hostile]);
  expect(finished()).toEqual([]);
  expect(stats.instrumentationErrors).toBe(1);
});

test("this and every argument are passed on", () => {
  const client = instrument(
    clientWith(function (this: unknown, ...args: unknown[]) {
      return [this, args];
    }),
  );
  const options = { signal: new AbortController().signal };
  const body = { model: "m" };
  expect(client.chat.completions.create(body, options, 3)).toEqual([
    client.chat.completions,
    [body, options, 3],
  ]);
});

test("a method that another instrumentation has wrapped is left to it", () => {
  class Completions {
    create(): void {}
  }
  const before = Reflect.get(Completions.prototype, "create") as object;
  Object.defineProperty(before, "__wrapped", { value: true });
  const report = openai.patch({ Chat: { Completions } });
  expect(report.skipped["chat.completions.create"]).toBe(
    "another instrumentation wraps it already",
  );
  expect(Reflect.get(Completions.prototype, "create")).toBe(before);
});

test("twice is once", () => {
  const client = clientWith(() => 1);
  const once = instrument(client).chat.completions.create;
  expect(instrument(client)).toBe(client);
  expect(client.chat.completions.create).toBe(once);
});
