/** Cohere's rerank: a question and documents, put in order. https://docs.cohere.com/reference/rerank */
import { ATTR } from "../conventions.ts";
import type { Dialect, Reply } from "../dialect.ts";
import { copyList, putCount, sizeOf } from "../openai/request.ts";
import { fields, list, text, type Fields } from "../untyped.ts";

export const rerank: Dialect = {
  operation: "rerank",
  request(body) {
    const attributes = {};
    putCount(attributes, ATTR.requestTopK, body["top_n"]);
    return attributes;
  },
  content: (body) => ({
    system: body["query"],
    messages: copyList(body["documents"]),
    tools: [],
    size: sizeOf(body["query"]) + sizeOf(body["documents"]),
  }),
  // It is billed by the search, not by tokens.
  reply: (result): Reply => ({
    id: text(result["id"]),
    finishReasons: [],
    output: [],
    outputSize: 0,
  }),
  stream: () => ({
    read: () => false,
    reply: () => ({ finishReasons: [], output: [], outputSize: 0 }),
  }),
  input: (content, writer) => ({
    messages: [content.system, ...list(content.messages)].map((asked) => ({
      role: "user",
      parts: [writer.textPart(textOf(asked))],
    })),
  }),
  output: () => [],
};

function textOf(value: unknown): string {
  const document: Fields = fields(value) ?? {};
  return text(value) ?? text(document["text"]) ?? "";
}
