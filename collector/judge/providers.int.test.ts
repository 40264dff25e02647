/** What the two kinds of provider send, and make of what comes back, over real HTTP. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { anthropicProvider } from "./anthropic-provider.ts";
import { openaiProvider } from "./openai-provider.ts";
import { CallError, retryAfterMs, type ModelRequest } from "./provider.ts";

interface Sent {
  path: string;
  headers: Record<string, unknown>;
  body: Record<string, unknown>;
}

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function api(
  answer: (sent: Sent) => { status?: number; headers?: Record<string, string>; body: unknown },
): Promise<string> {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      const given = answer({ path: request.url ?? "", headers: request.headers, body });
      response.writeHead(given.status ?? 200, {
        "content-type": "application/json",
        ...given.headers,
      });
      response.end(JSON.stringify(given.body));
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const REQUEST: ModelRequest = {
  model: "m",
  system: "rules",
  turns: [{ role: "user", text: "data" }],
  temperature: 0.1,
  seed: 7,
  maxTokens: 300,
  schema: { type: "object" },
  logprobs: false,
  timeoutMs: 2_000,
};
const signal = new AbortController().signal;
const completion = {
  id: "1", object: "chat.completion", created: 1, model: "m-2026", system_fingerprint: "fp",
  choices: [{ index: 0, message: { role: "assistant", content: "{}" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, prompt_tokens_details: { cached_tokens: 4 } },
}; // prettier-ignore

test("OpenAI: a schema that the answer is held to, a key, and what it cost", async () => {
  let sent: Sent | undefined;
  const url = await api((request) => ((sent = request), { body: completion }));
  const answer = await openaiProvider({ baseUrl: `${url}/v1`, apiKey: "k" })(REQUEST, signal);
  expect(answer).toEqual({
    text: "{}", finish: "stop", model: "m-2026", fingerprint: "fp",
    usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 4 },
  }); // prettier-ignore
  expect(sent).toMatchObject({
    path: "/v1/chat/completions",
    headers: { authorization: "Bearer k" },
    body: {
      temperature: 0.1, seed: 7, max_tokens: 300, response_format: { type: "json_schema" },
      messages: [{ role: "system", content: "rules" }, { role: "user", content: "data" }],
    },
  }); // prettier-ignore
});

test("a server that knows no schemas is asked without, once and for all", async () => {
  const formats: unknown[] = [];
  const url = await api(({ body }) => {
    const { type } = body["response_format"] as { type: string };
    formats.push(type);
    return type === "json_schema"
      ? { status: 400, body: { error: { message: "response_format json_schema is unknown" } } }
      : { body: completion };
  });
  const call = openaiProvider({ baseUrl: url, apiKey: "" });
  await call(REQUEST, signal);
  await call(REQUEST, signal);
  expect(formats).toEqual(["json_schema", "json_object", "json_object"]);
});

test.each([
  [401, "invalid_api_key", "denied"],
  [404, "model_not_found", "denied"],
  [429, "rate_limit_exceeded", "rate_limit"],
  [429, "insufficient_quota", "denied"],
  [400, "content_filter", "filter"],
  [400, "bad_request", "refused"],
  [500, "server_error", "unavailable"],
])("OpenAI: %d %s is %s", async (status, code, failure) => {
  const url = await api(() => ({
    status,
    headers: { "retry-after": "3" },
    body: { error: { message: "no", code } },
  }));
  const call = openaiProvider({ baseUrl: url, apiKey: "k" })(REQUEST, signal);
  const error = await call.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(CallError);
  expect(error).toMatchObject({ failure, retryAfterMs: 3_000 });
});

test("nobody there, and no answer in time: unavailable", async () => {
  const away = openaiProvider({ baseUrl: "http://127.0.0.1:9", apiKey: "k" });
  await expect(away(REQUEST, signal)).rejects.toMatchObject({ failure: "unavailable" });
  const gone = anthropicProvider({ baseUrl: "http://127.0.0.1:9", apiKey: "k" });
  await expect(gone(REQUEST, signal)).rejects.toMatchObject({ failure: "unavailable" });
});

test("Anthropic: its own form, input with what was cached", async () => {
  let sent: Sent | undefined;
  const url = await api((request) => {
    sent = request;
    return {
      body: {
        content: [{ type: "text", text: "{" }, { type: "text", text: "}" }],
        stop_reason: "max_tokens",
        model: "claude-2026",
        usage: { input_tokens: 5, output_tokens: 7, cache_read_input_tokens: 20, cache_creation_input_tokens: 3 },
      },
    }; // prettier-ignore
  });
  const answer = await anthropicProvider({ baseUrl: url, apiKey: "k" })(REQUEST, signal);
  expect(answer).toEqual({
    text: "{}", finish: "length", model: "claude-2026", fingerprint: "",
    usage: { inputTokens: 28, outputTokens: 7, cacheReadTokens: 20 },
  }); // prettier-ignore
  expect(sent).toMatchObject({
    path: "/v1/messages",
    headers: { "x-api-key": "k", "anthropic-version": "2023-06-01" },
    body: { system: "rules", max_tokens: 300, messages: [{ role: "user", content: "data" }] },
  });
});

test("Anthropic: overloaded is unavailable, a wrong key is denied", async () => {
  const statuses = [529, 401];
  const url = await api(() => ({
    status: statuses.shift() ?? 500,
    body: { type: "error", error: { type: "some_error", message: "no" } },
  }));
  const call = anthropicProvider({ baseUrl: url, apiKey: "k" });
  await expect(call(REQUEST, signal)).rejects.toMatchObject({ failure: "unavailable" });
  await expect(call(REQUEST, signal)).rejects.toMatchObject({ failure: "denied" });
});

test("Retry-After in seconds, as a date, and as neither", () => {
  expect(retryAfterMs("2")).toBe(2_000);
  expect(retryAfterMs("Tue, 24 Nov 2026 12:00:05 GMT", Date.UTC(2026, 10, 24, 12))).toBe(5_000);
  expect(retryAfterMs("soon")).toBeUndefined();
  expect(retryAfterMs(null)).toBeUndefined();
});
