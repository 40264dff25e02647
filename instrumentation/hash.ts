/**
 * One hash for equal requests, whoever computes it: sha256 over canonical JSON (RFC 8785, JCS).
 *
 * The determinism figures compare answers to equal requests, so a request must hash alike in the service that makes it, in
 * the collector that reads it off a span of another instrumentation, and whatever the order of keys. So what is hashed is
 * the request in the conventions' words: provider, model, messages with instructions as the first of them, tools, and the
 * parameters that spans carry. What no span carries (a response format) counts too where it is known.
 */
import { type CanonicalJson, usingCanonicalJson } from "./canonical-json.ts";
import { ATTR } from "./conventions.ts";

export { canonicalJson } from "./canonical-json.ts";

export interface HashedRequest {
  provider: string;
  model: string;
  /** Parts of the conventions' system instructions. */
  system?: unknown;
  /** The conventions' messages; anything else is hashed as it is. */
  messages: unknown;
  tools?: unknown;
  /** By HASHED_PARAMETERS and, beyond them, by their name in the request. */
  parameters?: Record<string, unknown>;
}

/** What changes an answer and stands on a span. */
export const HASHED_PARAMETERS: readonly string[] = [
  ATTR.requestTemperature,
  ATTR.requestTopP,
  ATTR.requestTopK,
  ATTR.requestSeed,
  ATTR.requestMaxTokens,
  ATTR.requestFrequencyPenalty,
  ATTR.requestPresencePenalty,
  ATTR.requestChoiceCount,
];

/**
 * Of a request's text so many characters count in full; of each text after them its length and some slices, so that files
 * of many megabytes do not hold up a service.
 */
export const HASHED_CHARACTERS = 512 * 1024;

/**
 * 32 lower-case hex digits: the first 128 bits of the sha256.
 * @param json of who writes the same texts once more
 */
export function promptHash(request: HashedRequest, json?: CanonicalJson): string {
  const { provider, model, system, messages, tools, parameters } = request;
  const asked = Array.isArray(messages)
    ? { messages: conversation(messages, system), model, parameters, provider, tools }
    : { messages, model, parameters, provider, system, tools };
  const hashed = json
    ? json.hash(asked, HASHED_CHARACTERS)
    : usingCanonicalJson((own) => own.hash(asked, HASHED_CHARACTERS));
  return hashed.slice(0, 32);
}

/** Some keep instructions apart and some in the conversation: here each is a message at its beginning. */
function conversation(messages: readonly unknown[], system: unknown): unknown[] {
  const normal = messages.map(normalMessage);
  if (system === undefined) return normal;
  const instructions = Array.isArray(system) ? system : [system];
  return [
    ...instructions.map((part: unknown) => ({ parts: [present(part)], role: "system" })),
    ...normal,
  ];
}

/** Why an earlier answer ended is not part of what is asked. */
function normalMessage(message: unknown): unknown {
  if (!isObject(message) || !Array.isArray(message["parts"])) return message;
  return { name: message["name"], parts: message["parts"].map(present), role: message["role"] };
}

/** Absent and null are the same: `id: null` is how the conventions' schema wants an absent id. */
function present(part: unknown): unknown {
  if (!isObject(part)) return part;
  for (const key in part)
    if (part[key] === null)
      return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null));
  return part;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
