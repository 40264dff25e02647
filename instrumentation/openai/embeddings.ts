/** embeddings.create. Vectors are not content: only their length is noted. */
import { ATTR } from "../conventions.ts";
import type { Dialect } from "../dialect.ts";
import { count, fields, list, text } from "../untyped.ts";
import { tokenUsage } from "./chat.ts";
import { copyList, putCount, sizeOf } from "./request.ts";

export const embeddings: Dialect = {
  operation: "embeddings",
  request(body) {
    const format = text(body["encoding_format"]);
    const attributes = format ? { [ATTR.requestEncodingFormats]: [format] } : {};
    putCount(attributes, ATTR.embeddingsDimensionCount, body["dimensions"]);
    return attributes;
  },
  content: (body) => ({
    system: undefined,
    messages: copyList(body["input"]),
    tools: [],
    size: sizeOf(body["input"]),
  }),
  reply(result) {
    const usage = fields(result["usage"]);
    const input = count(usage?.["prompt_tokens"]);
    const vector = fields(list(result["data"])[0])?.["embedding"];
    return {
      model: text(result["model"]),
      finishReasons: [],
      usage: input === undefined ? undefined : tokenUsage(input, 0),
      dimensions: dimensionsOf(vector),
      output: [],
      outputSize: 0,
    };
  },
  stream: () => ({
    read: () => false,
    reply: () => ({ finishReasons: [], output: [], outputSize: 0 }),
  }),
  input: (content, writer) => ({
    messages: inputs(content.messages).map((input) => ({
      role: "user",
      parts: [writer.textPart(input)],
    })),
  }),
  output: () => [],
};

function inputs(input: unknown): string[] {
  if (typeof input === "string") return [input];
  return list(input).filter((one) => typeof one === "string");
}

/** Numbers, or base64 of 32-bit floats. */
function dimensionsOf(vector: unknown): number | undefined {
  if (typeof vector === "string") return Buffer.byteLength(vector, "base64") / 4;
  if (Array.isArray(vector) || ArrayBuffer.isView(vector))
    return (vector as unknown as { length: number }).length;
  return undefined;
}
