import { expect, test } from "vitest";
import { ContentWriter } from "../content-writer.ts";
import { generateContent } from "./generate-content.ts";
import { bodyOfParameters } from "./request.ts";

const text = (words: string, thought?: true) => ({ text: words, ...(thought ? { thought } : {}) });
const event = (parts: object[], more: object = {}) => ({
  candidates: [{ content: { role: "model", parts }, index: 0, ...more }],
  responseId: "id",
  modelVersion: "gemini",
});

test("a stream is put together: thoughts, text and calls in their order, the last usage", () => {
  const reader = generateContent.stream();
  expect(reader.read(event([text("Hm.", true)]))).toBe(true);
  reader.read(event([text("One"), text(" two")]));
  reader.read(event([text(" three")]));
  reader.read({
    ...event([{ functionCall: { name: "f", args: { a: 1 } } }], { finishReason: "STOP" }),
    usageMetadata: {
      promptTokenCount: 10,
      toolUsePromptTokenCount: 5,
      candidatesTokenCount: 3,
      thoughtsTokenCount: 2,
      cachedContentTokenCount: 4,
      promptTokensDetails: [{ modality: "AUDIO", tokenCount: 6 }],
    },
  });
  const reply = reader.reply();
  expect(reply.usage).toEqual({
    inputTokens: 15,
    outputTokens: 5,
    cacheReadTokens: 4,
    reasoningTokens: 2,
    audioInputTokens: 6,
  });
  expect(generateContent.output(reply, new ContentWriter(undefined))).toEqual([
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Hm." },
        { type: "text", content: "One two three" },
        { type: "tool_call", id: null, name: "f", arguments: { a: 1 } },
      ],
      finish_reason: "tool_call",
    },
  ]);
});

test("a stream that is cut has no usage, because what came so far is not all", () => {
  const reader = generateContent.stream();
  reader.read({
    ...event([text("One")]),
    usageMetadata: { promptTokenCount: 10, totalTokenCount: 10 },
  });
  expect(reader.reply()).toMatchObject({ finishReasons: ["error"], usage: undefined });
});

test("whatever the SDK takes is one form: a text, parts, turns; binary data is its hash", () => {
  const written = (contents: unknown): unknown => {
    const content = generateContent.content(bodyOfParameters({ model: "m", contents }));
    return generateContent.input(content, new ContentWriter(undefined)).messages;
  };
  const hello = [{ role: "user", parts: [{ type: "text", content: "Hello" }] }];
  expect(written("Hello")).toEqual(hello);
  expect(written(["Hello"])).toEqual(hello);
  expect(written({ role: "user", parts: [{ text: "Hello" }] })).toEqual(hello);
  expect(written([{ inlineData: { mimeType: "image/png", data: "AAAA" } }])).toMatchObject([
    { parts: [{ type: "blob", modality: "image", mime_type: "image/png", bytes: 3 }] },
  ]);
  const answer = { functionResponse: { name: "f", response: { output: "sunny" } } };
  expect(written([{ role: "user", parts: [answer] }])).toEqual([
    {
      role: "tool",
      parts: [{ type: "tool_call_response", id: "f", response: { output: "sunny" } }],
    },
  ]);
});
