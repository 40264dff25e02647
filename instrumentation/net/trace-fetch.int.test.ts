/**
 * What a service sees of fetch() is the same with the net and without, whichever way it reads, and each model call is
 * one span that says how it ended.
 */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { drainAll } from "../drain.ts";
import { stats } from "../health.ts";
import { setPrivateProvider } from "../tracing.ts";
import { traceFetch } from "./trace-fetch.ts";

const exporter = new InMemorySpanExporter();
setPrivateProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));

type Fetch = typeof fetch;
const plainFetch = globalThis.fetch;
const tracedFetch = traceFetch(plainFetch as never) as Fetch;

const WORDS = ["One", " two", " thr€€", " four", " five", " six"];
const USAGE = { prompt_tokens: 20, completion_tokens: 8, total_tokens: 28 };

/** Requests that were cut off, and the bytes that endless answers could send. */
const cut = new Set<string>();
const sentBytes = new Map<string, number>();
const headers: unknown[] = [];
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { model } = JSON.parse(Buffer.concat(chunks).toString()) as { model: string };
      const { "content-length": length, "transfer-encoding": encoding } = request.headers;
      headers.push({ length, encoding });
      response.on("close", () => response.writableFinished || cut.add(model));
      void answer(model, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  drainAll();
  exporter.reset();
  stats.instrumentationErrors = 0;
});

async function answer(model: string, response: ServerResponse): Promise<void> {
  if (model.includes("hang")) return;
  if (model.includes("limited")) {
    response.statusCode = 429;
    response.end('{"error":{"message":"slow down"}}');
    return;
  }
  if (model.includes("flood")) return flood(model, response);
  if (!model.includes("stream")) {
    const message = { role: "assistant", content: WORDS.join("") };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        id: "1",
        model,
        choices: [{ message, finish_reason: "stop" }],
        usage: USAGE,
      }),
    );
    return;
  }
  response.setHeader("content-type", "text/event-stream");
  const event = (fields: object): void => {
    response.write(`data: ${JSON.stringify({ id: "1", model, ...fields })}\n\n`);
  };
  for (const [at, content] of WORDS.entries()) {
    event({ choices: [{ index: 0, delta: { content } }] });
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (model.includes("endless") && at === 2) return;
    if (model.includes("broken") && at === 2) return void response.destroy();
  }
  event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: USAGE });
  response.end("data: [DONE]\n\n");
}

/** As much as the client takes. */
function flood(model: string, response: ServerResponse): void {
  response.setHeader("content-type", "text/event-stream");
  const chunk = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "x".repeat(60_000) } }] })}\n\n`;
  let sent = 0;
  const more = (): void => {
    if (response.destroyed) return;
    sent += chunk.length;
    sentBytes.set(model, sent);
    if (response.write(chunk)) setImmediate(more);
    else response.once("drain", more);
  };
  more();
}

interface Ask {
  (fetch: Fetch, model: string, init?: RequestInit): Promise<Response>;
}
const ask: Ask = (doFetch, model, init) =>
  doFetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Count" }], stream: true }),
    ...init,
  });

async function textOf(chunks: AsyncIterable<Uint8Array>, limit = Infinity): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let count = 0;
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    if (++count >= limit) break;
  }
  return text;
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    const { name, message, constructor } = error as Error;
    return { name, message, class: constructor.name };
  }
}

async function until(condition: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

function shapeOf(response: Response): unknown {
  const { body, status, ok, type, redirected, bodyUsed } = response;
  return {
    shape: [
      Object.getPrototypeOf(response) === Response.prototype,
      Object.getPrototypeOf(body) === ReadableStream.prototype,
      body === response.body,
      Reflect.ownKeys(response),
      Object.keys(body!),
      response.url === url,
      response.headers.get("content-type"),
    ],
    state: { status, ok, type, redirected, bodyUsed, locked: body?.locked },
  };
}

interface Expected {
  /** What of the answer the span has. @default all */
  output?: "all" | "part" | "none";
  error?: string;
  abandoned?: boolean;
  spans?: number;
}

type Situation = (fetch: Fetch, model: string) => Promise<unknown>;

const SITUATIONS: Readonly<Record<string, [Situation, Expected?]>> = {
  json: [async (f, model) => (await ask(f, model)).json()],
  text: [async (f, model) => (await ask(f, model)).text()],
  "array buffer": [async (f, model) => Buffer.from(await (await ask(f, model)).arrayBuffer())],
  bytes: [async (f, model) => Buffer.from(await (await ask(f, model)).bytes())],
  blob: [async (f, model) => (await (await ask(f, model)).blob()).text()],
  "form data": [async (f, model) => errorOf((await ask(f, model)).formData())],
  "stream, text": [async (f, model) => (await ask(f, model)).text()],
  "stream, for await": [async (f, model) => textOf((await ask(f, model)).body!)],
  "stream, reader": [
    async (f, model) => {
      const response = await ask(f, model);
      const reader = response.body!.getReader();
      const text: string[] = [];
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text.push(Buffer.from(value).toString("latin1"));
      }
      reader.releaseLock();
      return [text.join(""), response.body!.locked, response.bodyUsed, reader.constructor.name];
    },
  ],
  "stream, reader of buffers": [
    async (f, model) => {
      const reader = (await ask(f, model)).body!.getReader({ mode: "byob" });
      const text: Buffer[] = [];
      for (let buffer = new Uint8Array(7); ;) {
        const { done, value } = await reader.read(buffer);
        if (value) text.push(Buffer.from(value));
        if (done) break;
        buffer = new Uint8Array(value.buffer);
      }
      return Buffer.concat(text).toString();
    },
  ],
  "stream, two readers": [
    async (f, model) => {
      const { body } = await ask(f, model);
      const first = body!.getReader();
      const { value } = await first.read();
      const waiting = first.read();
      void waiting.catch(() => undefined);
      const begun = Buffer.from(value!).toString().slice(0, 5);
      const rest = await waiting;
      first.releaseLock();
      return [begun, rest.done, (await textOf(body!)).endsWith("[DONE]\n\n")];
    },
  ],
  "stream, reader released while it waits": [
    async (f, model) => {
      const { body } = await ask(f, model);
      const first = body!.getReader();
      await first.read();
      const waiting = [first.read(), first.read(), first.read(), first.read()].map(errorOf);
      first.releaseLock();
      const errors = await Promise.all(waiting);
      return [JSON.stringify(errors).includes("TypeError"), (await textOf(body!)).slice(-8)];
    },
  ],
  "stream, iterate in two parts": [
    async (f, model) => {
      const { body } = await ask(f, model);
      let text = await textOf(body!.values({ preventCancel: true }), 1);
      text += await textOf(body!);
      return text;
    },
  ],
  "stream, tee": [
    async (f, model) => {
      const [left, right] = (await ask(f, model)).body!.tee();
      return Promise.all([textOf(left), textOf(right)]);
    },
  ],
  "stream, tee, one after the other": [
    async (f, model) => {
      const [left, right] = (await ask(f, model)).body!.tee();
      const reader = left.getReader();
      const { value } = await reader.read();
      return [Buffer.from(value!).toString().slice(0, 5), await textOf(right)];
    },
  ],
  "stream, tee, one cancelled and read": [
    async (f, model) => {
      const [left, right] = (await ask(f, model)).body!.tee();
      void left.cancel();
      return [await textOf(left), await textOf(right)];
    },
  ],
  "stream, clone": [
    async (f, model) => {
      const response = await ask(f, model);
      const clone = response.clone();
      return [await clone.text(), await response.text(), response.bodyUsed];
    },
  ],
  "clone of a clone": [
    async (f, model) => {
      const response = await ask(f, model);
      const clone = response.clone();
      return Promise.all([clone.clone().json(), clone.json(), response.json()]);
    },
  ],
  "stream, only the clone is read": [async (f, model) => (await ask(f, model)).clone().text()],
  "stream, pipe through": [
    async (f, model) => {
      const text: string[] = [];
      const { body } = await ask(f, model);
      const decoded = body!.pipeThrough(new TextDecoderStream());
      const locked = body!.locked;
      for await (const part of decoded) text.push(part);
      await new Promise((resolve) => setImmediate(resolve));
      return [text.join(""), locked, body!.locked];
    },
  ],
  "stream, pipe to": [
    async (f, model) => {
      const { body } = await ask(f, model);
      let size = 0;
      const end = await body!.pipeTo(
        new WritableStream({ write: (chunk: Uint8Array) => void (size += chunk.length) }),
      );
      return [size, end, body!.locked];
    },
  ],
  "stream, endless, pipe to one that fails": [
    async (f, model) => {
      const { body } = await ask(f, model);
      const refuse = () => Promise.reject(new RangeError("full"));
      const piped = await errorOf(body!.pipeTo(new WritableStream({ write: refuse })));
      return [piped, body!.locked, await until(() => cut.has(model))];
    },
    { output: "part" },
  ],
  "stream, pipe to one that fails, not cancelled": [
    async (f, model) => {
      const { body } = await ask(f, model);
      const refuse = () => Promise.reject(new RangeError("full"));
      const options = { preventCancel: true };
      const piped = await errorOf(body!.pipeTo(new WritableStream({ write: refuse }), options));
      return [piped, body!.locked, (await textOf(body!)).slice(-8)];
    },
  ],
  "stream, endless, pipe aborted": [
    async (f, model) => {
      const { body } = await ask(f, model);
      const abort = new AbortController();
      const write = () => abort.abort(new SyntaxError("enough"));
      const options = { signal: abort.signal };
      const piped = await errorOf(body!.pipeTo(new WritableStream({ write }), options));
      return [piped, await until(() => cut.has(model))];
    },
    { output: "part" },
  ],
  "pipes that cannot be": [
    async (f, model) => {
      const { body } = await ask(f, model);
      const bad = await errorOf(body!.pipeTo({} as never));
      const worse = await errorOf((async () => body!.pipeThrough({} as never))());
      const unlocked = body!.locked;
      body!.getReader();
      return [
        bad,
        worse,
        unlocked,
        await errorOf(body!.pipeTo(new WritableStream())),
        await errorOf((async () => body!.pipeThrough(new TextDecoderStream()))()),
        await errorOf((async () => body!.getReader())()),
        await errorOf(body!.cancel()),
      ];
    },
    { output: "none", spans: 0 },
  ],
  "stream, node's streams": [
    async (f, model) => {
      const text: string[] = [];
      const { body } = await ask(f, model);
      await pipeline(Readable.fromWeb(body as never), async (source) => {
        for await (const chunk of source) text.push(String(chunk));
      });
      return text.join("").length > 100;
    },
  ],
  "stream, response of a response": [
    async (f, model) => new Response((await ask(f, model)).body).text(),
  ],
  "stream, endless, break": [
    async (f, model) => {
      await textOf((await ask(f, model)).body!, 2);
      return until(() => cut.has(model));
    },
    { output: "part" },
  ],
  "stream, endless, cancel": [
    async (f, model) => {
      const { body } = await ask(f, model);
      const reader = body!.getReader();
      await reader.read();
      const cancelled = await reader.cancel("enough");
      return [cancelled, await reader.read(), await until(() => cut.has(model))];
    },
    { output: "part" },
  ],
  "stream, endless, cancelled unread": [
    async (f, model) => {
      await (await ask(f, model)).body!.cancel();
      return until(() => cut.has(model));
    },
    { output: "none" },
  ],
  "stream, endless, both branches cancelled": [
    async (f, model) => {
      const [left, right] = (await ask(f, model)).body!.tee();
      const reader = left.getReader();
      await reader.read();
      await Promise.all([right.cancel(), reader.cancel()]);
      return until(() => cut.has(model));
    },
    { output: "part" },
  ],
  "stream, endless, abort": [
    async (f, model) => {
      const abort = new AbortController();
      const { body } = await ask(f, model, { signal: abort.signal });
      setTimeout(() => abort.abort(), 30);
      return [await errorOf(textOf(body!)), await until(() => cut.has(model))];
    },
    { output: "part", error: "AbortError" },
  ],
  "stream, broken": [
    async (f, model) => errorOf((await ask(f, model)).text()),
    { output: "part", error: "TypeError" },
  ],
  "hang, abort": [
    async (f, model) => {
      const abort = new AbortController();
      setTimeout(() => abort.abort(new EvalError("mine")), 10);
      return errorOf(ask(f, model, { signal: abort.signal }));
    },
    { output: "none", error: "EvalError" },
  ],
  "hang, timeout": [
    async (f, model) => errorOf(ask(f, model, { signal: AbortSignal.timeout(30) })),
    { output: "none", error: "TimeoutError" },
  ],
  limited: [async (f, model) => (await ask(f, model)).json(), { output: "none", error: "429" }],
  "nobody there": [
    async (f, model) =>
      errorOf(
        f("http://127.0.0.1:1/v1/chat/completions", {
          method: "POST",
          body: JSON.stringify({ model, messages: [] }),
        }),
      ),
    { output: "none", error: "TypeError" },
  ],
  "bad arguments": [
    async (f, model) => errorOf(ask(f, model, { headers: { "bad header": "" } })),
    { output: "none", error: "TypeError" },
  ],
  "stream, read twice": [
    async (f, model) => {
      const response = await ask(f, model);
      await response.text();
      return [await errorOf(response.text()), await errorOf((async () => response.clone())())];
    },
  ],
  "shape of the answer": [
    async (f, model) => {
      const response = await ask(f, model);
      const before = shapeOf(response);
      await response.text();
      return [before, shapeOf(response)];
    },
  ],
  "body in bytes": [
    async (f, model) =>
      (await ask(f, model, { body: Buffer.from(JSON.stringify({ model, messages: [] })) })).json(),
  ],
  "a Request": [
    async (f, model) => {
      const request = new Request(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, messages: [] }),
      });
      const asked = f(request);
      const used = request.bodyUsed;
      const answered: unknown = await (await asked).json();
      return [answered, used, headers.at(-1), await errorOf(request.text())];
    },
  ],
  "a URL": [
    async (f, model) =>
      (
        await f(new URL(url), { method: "post", body: JSON.stringify({ model, messages: [] }) })
      ).json(),
  ],
  "body of another kind": [
    async (f, model) =>
      (await ask(f, model, { body: new Blob([JSON.stringify({ model, messages: [] })]) })).json(),
    { spans: 0 },
  ],
};

function spansOf(model: string): ReadableSpan[] {
  drainAll();
  return exporter
    .getFinishedSpans()
    .filter((span) => span.attributes["gen_ai.request.model"] === model);
}

test.each(Object.entries(SITUATIONS))("%s", async (name, [situation, expected = {}]) => {
  const plain = await situation(plainFetch, name);
  expect(exporter.getFinishedSpans()).toEqual([]);
  cut.delete(name);
  expect(await situation(tracedFetch, name)).toEqual(plain);
  const spans = spansOf(name);
  expect(spans).toHaveLength(expected.spans ?? 1);
  expect(stats.instrumentationErrors).toBe(0);
  const [span] = spans;
  if (!span) return;
  const { attributes } = span;
  expect(attributes["error.type"]).toBe(expected.error);
  const output = JSON.stringify(attributes["gen_ai.output.messages"] ?? "");
  if (expected.output === undefined) {
    expect(output).toContain(WORDS.join(""));
    expect(attributes["gen_ai.usage.input_tokens"]).toBe(20);
    expect(attributes["gen_ai.response.finish_reasons"]).toEqual(["stop"]);
  }
  if (expected.output === "part") {
    expect(output).toContain("One");
    expect(attributes["gen_ai.response.finish_reasons"]).toEqual(["error"]);
  }
  if (name.startsWith("stream") && expected.output !== "none")
    expect(attributes["gen_ai.response.time_to_first_chunk"]).toBeGreaterThan(0);
});

test("a service that reads slowly holds up the model as much as ever", async () => {
  const taken: number[] = [];
  for (const doFetch of [plainFetch, tracedFetch]) {
    const model = `flood ${taken.length}`;
    const reader = (await ask(doFetch, model)).body!.getReader();
    await reader.read();
    let before = -1;
    await until(() => {
      const stands = sentBytes.get(model) === before;
      before = sentBytes.get(model)!;
      return stands;
    });
    taken.push(before);
    await reader.cancel();
  }
  // What the kernel's buffers take varies; reading ahead would take all there is.
  expect(taken[1]).toBeLessThan(taken[0]! * 2 + 1_000_000);
});

test("pipes read nothing ahead", async () => {
  for (const doFetch of [plainFetch, tracedFetch]) {
    const { body } = await ask(doFetch, "stream, ahead");
    let pulled = 0;
    const through = body!.pipeThrough(
      new TransformStream<Uint8Array, number>(
        { transform: (chunk, controller) => controller.enqueue(++pulled * chunk.length) },
        { highWaterMark: 1 },
        { highWaterMark: 0 },
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(pulled).toBe(0);
    await through.cancel();
  }
});

test("an answer that nobody reads ends with the garbage, marked", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  await (async () => void (await ask(tracedFetch, "stream, endless, dropped")))();
  await (async () => void (await ask(tracedFetch, "dropped")))();
  const ended = await until(() => {
    collect();
    return spansOf("stream, endless, dropped").length + spansOf("dropped").length === 2;
  });
  expect(ended).toBe(true);
  const [span] = spansOf("stream, endless, dropped");
  expect(span?.attributes["assay.stream.abandoned"]).toBe(true);
  expect(span?.attributes["gen_ai.response.finish_reasons"]).toEqual(["error"]);
});

test("an error that nobody listens to is still reported", async () => {
  for (const doFetch of [plainFetch, tracedFetch]) {
    let unhandled = 0;
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    const count = (): number => unhandled++;
    process.on("unhandledRejection", count);
    const { body } = await ask(doFetch, "stream, broken");
    const reader = body!.getReader();
    // oxlint-disable-next-line no-floating-promises -- that is the situation
    for (let read = 0; read < 12; read++) void reader.read();
    // oxlint-disable-next-line no-floating-promises -- that is the situation
    void ask(doFetch, "hang", { signal: AbortSignal.abort() });
    expect(await until(() => unhandled > 1)).toBe(true);
    process.off("unhandledRejection", count);
    for (const listener of others) process.on("unhandledRejection", listener);
  }
});

test("this, every argument and what comes back that is no promise pass through", () => {
  const seen: unknown[] = [];
  const doFetch = traceFetch(function (this: unknown, ...args: unknown[]) {
    seen.push(this, args);
    return 7;
  });
  const init = { method: "POST", body: '{"model":"m","messages":[]}' };
  expect(doFetch.call(seen, url, init, 3)).toBe(7);
  expect(doFetch.call(seen, "http://elsewhere")).toBe(7);
  expect(seen).toEqual([seen, [url, init, 3], seen, ["http://elsewhere"]]);
  expect(spansOf("m")).toHaveLength(1);
  expect([doFetch.name, (tracedFetch as { length: number }).length]).toEqual(["fetch", 1]);
});
