import { expect, test } from "vitest";
import { callRequest } from "./call-request.ts";
import { formatOf, formatsOf } from "./formats.ts";

const GEMINI = "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash";
const VERTEX =
  "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/publishers/google/models/gemini-3-flash";

test.each([
  [`${GEMINI}:generateContent`, { contents: [] }, "gcp.gemini", "generate_content"],
  [`${GEMINI}:streamGenerateContent?alt=sse`, { contents: [] }, "gcp.gemini", "generate_content"],
  [`${VERTEX}:generateContent`, { contents: [] }, "gcp.vertex_ai", "generate_content"],
  [`${GEMINI}:batchEmbedContents`, { requests: [] }, "gcp.gemini", "embeddings"],
  ["https://api.anthropic.com/v1/messages", { messages: [] }, "anthropic", "chat"],
  ["https://api.cohere.com/v2/rerank", { documents: [] }, "cohere", "rerank"],
  ["http://localhost:8000/v1/chat/completions", { messages: [] }, "openai", "chat"],
])("%s", (url, body, provider, operation) => {
  const text = JSON.stringify({ model: "m", ...body });
  const format = formatOf(formatsOf(url), text);
  expect(format?.dialect.operation).toBe(operation);
  expect(format && callRequest(format, url, text).server.provider).toBe(provider);
});

test("the model of Gemini's API is in its address", () => {
  const url = `${GEMINI}:streamGenerateContent?alt=sse`;
  const body = JSON.stringify({ contents: [{ parts: [{ text: "Hello" }] }] });
  const format = formatOf(formatsOf(url), body)!;
  const request = callRequest(format, url, body);
  expect(format.dialect.model?.(request.body)).toBe("gemini-3-flash");
  expect(format.dialect.request(request.body)).toEqual({ "gen_ai.request.stream": true });
});

test.each([
  [`${GEMINI}:countTokens`, { contents: [] }],
  ["https://api.anthropic.com/v1/messages/count_tokens", { messages: [] }],
  ["https://api.anthropic.com/v1/messages/batches", { requests: [] }],
  ["https://example.com/v1/messages", { subject: "not a model" }],
])("%s is no call of a model", (url, body) => {
  expect(formatOf(formatsOf(url), JSON.stringify(body))).toBeUndefined();
});
