/**
 * Requests of Gemini's API. The SDK takes `{ model, contents, config }`, the wire has config's fields at two places of
 * the body; both are brought to one form, in which they are described and hashed alike.
 * https://ai.google.dev/api/generate-content
 */
import type { Attributes } from "@opentelemetry/api";
import { ATTR } from "../conventions.ts";
import type { RequestContent } from "../dialect.ts";
import { copyList, putCount, sizeOf } from "../openai/request.ts";
import { count, fields, list, text, type Fields } from "../untyped.ts";

/** Depth at which the text of a turn's parts lies. */
const TEXT_DEPTH = 4;

/** Of the SDK's config: what is a part of its own in the body, and what is never sent in one. */
const NOT_GENERATION = new Set([
  "systemInstruction",
  "tools",
  "toolConfig",
  "safetySettings",
  "cachedContent",
  "labels",
  "httpOptions",
  "abortSignal",
  "automaticFunctionCalling",
  "automaticContinuation",
]);

/** The SDK's parameters in the form of the wire. */
export function bodyOfParameters(parameters: Fields): Fields {
  const config = fields(parameters["config"]) ?? {};
  const generationConfig = Object.fromEntries(
    Object.entries(config).filter(([name]) => !NOT_GENERATION.has(name)),
  );
  return {
    model: parameters["model"],
    contents: parameters["contents"] ?? parameters["content"],
    systemInstruction: config["systemInstruction"],
    tools: config["tools"],
    generationConfig,
  };
}

/** `models/name`, `projects/…/models/name`: the name is what is asked for, and what is billed. */
export function modelName(body: Fields): string | undefined {
  const model = text(body["model"]);
  return model?.slice(model.lastIndexOf("/") + 1);
}

export function generationAttributes(body: Fields): Attributes {
  const config = fields(body["generationConfig"]) ?? {};
  const attributes: Attributes = {};
  putCount(attributes, ATTR.requestTemperature, config["temperature"]);
  putCount(attributes, ATTR.requestTopP, config["topP"]);
  putCount(attributes, ATTR.requestTopK, config["topK"]);
  putCount(attributes, ATTR.requestMaxTokens, config["maxOutputTokens"]);
  putCount(attributes, ATTR.requestSeed, config["seed"]);
  putCount(attributes, ATTR.requestFrequencyPenalty, config["frequencyPenalty"]);
  putCount(attributes, ATTR.requestPresencePenalty, config["presencePenalty"]);
  const stop = list(config["stopSequences"]).filter((one) => typeof one === "string");
  if (stop.length > 0) attributes[ATTR.requestStopSequences] = stop;
  const choices = count(config["candidateCount"]);
  if (choices !== undefined && choices !== 1) attributes[ATTR.requestChoiceCount] = choices;
  const level = text(fields(config["thinkingConfig"])?.["thinkingLevel"]);
  if (level) attributes[ATTR.requestReasoningLevel] = level.toLowerCase();
  const type = outputTypeOf(config);
  if (type) attributes[ATTR.outputType] = type;
  return attributes;
}

function outputTypeOf(config: Fields): string | undefined {
  const modalities = list(config["responseModalities"]).map((one) => text(one)?.toUpperCase());
  if (modalities.includes("AUDIO")) return "speech";
  if (modalities.includes("IMAGE")) return "image";
  const mimeType = text(config["responseMimeType"]);
  if (mimeType === undefined) return undefined;
  return mimeType.endsWith("json") ? "json" : "text";
}

export function generationContent(body: Fields): RequestContent {
  const { contents, tools } = body;
  // The wire takes either spelling.
  const system = body["systemInstruction"] ?? body["system_instruction"];
  return {
    system,
    messages: copyList(contents),
    tools: list(tools).flatMap(toolsOf),
    size: sizeOf(contents, TEXT_DEPTH) + sizeOf(system, TEXT_DEPTH),
  };
}

/** Functions of one's own are declared in lists; Google's are known by the field that is set. */
function toolsOf(tool: unknown): unknown[] {
  const { functionDeclarations, ...others } = fields(tool) ?? {};
  const functions = list(functionDeclarations).map((declaration) => {
    const { name, description, parameters, parametersJsonSchema } = fields(declaration) ?? {};
    return {
      type: "function",
      name,
      description,
      parameters: parameters ?? parametersJsonSchema,
    };
  });
  return [...functions, ...Object.keys(others).map((type) => ({ type, name: type }))];
}
