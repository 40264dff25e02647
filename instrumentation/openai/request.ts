/** Request parameters that the methods of OpenAI's API have in common. */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";

export function commonParameters(body: Fields, apiType?: string): Attributes {
  const attributes: Attributes = {};
  if (apiType) attributes[ATTR.openaiApiType] = apiType;
  putCount(attributes, ATTR.requestTemperature, body["temperature"]);
  putCount(attributes, ATTR.requestTopP, body["top_p"]);
  putCount(attributes, ATTR.requestSeed, body["seed"]);
  putCount(attributes, ATTR.requestFrequencyPenalty, body["frequency_penalty"]);
  putCount(attributes, ATTR.requestPresencePenalty, body["presence_penalty"]);
  if (body["stream"] === true) attributes[ATTR.requestStream] = true;
  const choices = count(body["n"]);
  if (choices !== undefined && choices !== 1) attributes[ATTR.requestChoiceCount] = choices;
  const stop = body["stop"];
  if (typeof stop === "string") attributes[ATTR.requestStopSequences] = [stop];
  else if (Array.isArray(stop))
    attributes[ATTR.requestStopSequences] = stop.filter((one) => typeof one === "string");
  const tier = text(body["service_tier"]);
  if (tier && tier !== "auto") attributes[ATTR.openaiRequestServiceTier] = tier;
  return attributes;
}

export function putCount(attributes: Attributes, name: string, value: unknown): void {
  if (typeof value === "number") attributes[name] = value;
}

/** `json` or `text`, from response_format (chat) or text.format (responses). */
export function outputType(format: unknown): string | undefined {
  const type = text(fields(format)?.["type"]);
  if (!type) return undefined;
  return type.startsWith("json") ? "json" : type === "text" ? "text" : undefined;
}

/** Characters in strings, and in the strings of arrays and objects two levels down: messages, their parts. */
export function sizeOf(value: unknown, depth = 3): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || depth === 0) return 0;
  let size = 0;
  if (Array.isArray(value)) for (const item of value) size += sizeOf(item, depth - 1);
  else for (const key in value) size += sizeOf((value as Record<string, unknown>)[key], depth - 1);
  return size;
}

/** Names, descriptions and parameters of the tools that were offered; both shapes of OpenAI's. */
export function toolDefinition(tool: unknown): Fields {
  const outer = fields(tool) ?? {};
  const inner = fields(outer["function"]) ?? fields(outer["custom"]) ?? outer;
  return {
    type: text(outer["type"]) ?? "function",
    name: text(inner["name"]) ?? text(outer["type"]) ?? "",
    ...(inner["description"] === undefined ? {} : { description: inner["description"] }),
    ...(inner["parameters"] === undefined ? {} : { parameters: inner["parameters"] }),
  };
}

export function copyList(value: unknown): unknown {
  return Array.isArray(value) ? list(value).slice() : value;
}
