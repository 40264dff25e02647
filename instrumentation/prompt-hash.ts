/**
 * The prompt hash of a call: computed from the request itself, so that it is there when no content leaves the service, and
 * from the request in the conventions' words (hash.ts), so that the collector gives the same to a span of another
 * instrumentation that says as much.
 */
import type { Attributes } from "@opentelemetry/api";
import type { CanonicalJson } from "./canonical-json.ts";
import { ContentWriter } from "./content-writer.ts";
import type { Dialect, RequestContent } from "./dialect.ts";
import { HASHED_PARAMETERS, promptHash } from "./hash.ts";
import { toolDefinition } from "./openai/request.ts";
import type { Fields } from "./untyped.ts";

export interface HashedCall {
  dialect: Dialect;
  body: Fields;
  provider: string;
  model: string;
  content: RequestContent;
  /** Of the span from its start: has the parameters by their names in the conventions. */
  attributes: Attributes;
}

/** Fields of request bodies that are hashed as something else: as model, messages, tools, or by HASHED_PARAMETERS. */
const HASHED_OTHERWISE = [
  "model",
  "messages",
  "input",
  "prompt",
  "instructions",
  "system",
  "tools",
  "functions",
  "contents",
  "content",
  "requests",
  "systemInstruction",
  "temperature",
  "top_p",
  "top_k",
  "seed",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "frequency_penalty",
  "presence_penalty",
  "n",
];

/** What the hash is not about: who asked, and how the answer is carried. */
const NOT_HASHED: ReadonlySet<string> = new Set([
  ...HASHED_OTHERWISE,
  "stream",
  "stream_options",
  "user",
  "metadata",
  "store",
  "safety_identifier",
  "prompt_cache_key",
  // Files, which may be read once only.
  "file",
  "image",
  "mask",
]);

export function hashOfCall(call: HashedCall, json?: CanonicalJson): string {
  const { provider, model, content } = call;
  const { system, messages } = writtenInput(call);
  const tools = content.tools.length === 0 ? undefined : content.tools.map(toolDefinition);
  return promptHash(
    { provider, model, system, messages, tools, parameters: parameters(call) },
    json,
  );
}

/** A list of numbers is a text given in tokens, for which the conventions have no message. */
function writtenInput({ dialect, content }: HashedCall): { system?: unknown; messages: unknown } {
  const [first] = Array.isArray(content.messages) ? (content.messages as unknown[]) : [];
  if (typeof first === "number" || Array.isArray(first)) return { messages: content.messages };
  return dialect.input(content, ContentWriter.verbatim);
}

function parameters({ body, attributes }: HashedCall): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of HASHED_PARAMETERS) {
    const value = attributes[name];
    if (value !== undefined) values[name] = value;
  }
  for (const name in body) {
    if (NOT_HASHED.has(name)) continue;
    const value = body[name];
    if (value !== undefined && typeof value !== "function") values[name] = value;
  }
  return values;
}
