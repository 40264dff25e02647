/** models.embedContent. Vectors are not content: only their length is noted. */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { Dialect } from "../dialect.ts";
import { tokenUsage } from "../openai/chat.ts";
import { embeddings } from "../openai/embeddings.ts";
import { putCount, sizeOf } from "../openai/request.ts";
import { count, fields, list, type Fields } from "../untyped.ts";
import { writeInput } from "./content.ts";
import { modelName } from "./request.ts";

export const embedContent: Dialect = {
  ...embeddings,
  model: modelName,
  request(body) {
    const attributes: Attributes = {};
    const config = fields(body["generationConfig"]);
    putCount(
      attributes,
      ATTR.embeddingsDimensionCount,
      config?.["outputDimensionality"] ?? body["outputDimensionality"],
    );
    return attributes;
  },
  content(body) {
    const messages = contentsOf(body);
    return { system: undefined, messages, tools: [], size: sizeOf(messages, 4) };
  },
  reply(result) {
    const vectors = list(result["embeddings"] ?? [result["embedding"]]);
    const values = fields(vectors[0])?.["values"];
    const tokens = vectors
      .map((vector) => count(fields(fields(vector)?.["statistics"])?.["tokenCount"]))
      .reduce((sum, one) => (one === undefined ? sum : (sum ?? 0) + one), undefined);
    const input = tokens ?? count(fields(result["usageMetadata"])?.["promptTokenCount"]);
    return {
      finishReasons: [],
      usage: input === undefined ? undefined : tokenUsage(input, 0),
      dimensions: Array.isArray(values) ? values.length : undefined,
      output: [],
      outputSize: 0,
    };
  },
  input: writeInput,
};

/** One content, several, or a request for each. */
function contentsOf(body: Fields): unknown[] {
  const requests = list(body["requests"]).map((request) => fields(request)?.["content"]);
  if (requests.length > 0) return requests;
  const contents = body["contents"] ?? body["content"];
  return Array.isArray(contents) ? contents.slice() : [contents];
}
