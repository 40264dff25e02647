/**
 * Which wire format a request speaks: by the end of its path and by what its body has to hold, never by the host, so
 * that gateways, proxies and servers of one's own are read like the provider. A row added here names one more.
 */
import type { Dialect } from "../dialect.ts";
import { messages } from "../anthropic/messages.ts";
import { embedContent } from "../google/embed-content.ts";
import { generateContent, streamGenerateContent } from "../google/generate-content.ts";
import { completions } from "../openai/completions.ts";
import { embeddings } from "../openai/embeddings.ts";
import { responses } from "../openai/responses.ts";
import type { RequestBody } from "./request-body.ts";
import { rerank } from "./cohere-rerank.ts";
import * as cohere from "./cohere.ts";
import * as mistral from "./mistral.ts";
import * as ollama from "./ollama.ts";

export interface WireFormat {
  readonly dialect: Dialect;
  /** The provider, where the host does not tell another. */
  readonly provider: string;
  /** The end of the path, from a slash or a colon on. */
  readonly path: string;
  /** Fields of the body; one of them must be there. */
  readonly fields: readonly string[];
}

/** The first match counts: the longer path stands before the shorter. */
const FORMATS: readonly WireFormat[] = [
  format("/chat/completions", "openai", mistral.chat, "messages"),
  format("/fim/completions", "mistral_ai", mistral.fillInTheMiddle, "prompt"),
  format("/agents/completions", "mistral_ai", mistral.chat, "messages"),
  format("/completions", "openai", completions, "prompt"),
  format("/responses", "openai", responses, "input", "prompt"),
  format("/embeddings", "openai", embeddings, "input"),
  format("/v1/messages", "anthropic", messages, "messages"),
  format(":generateContent", "gcp.gemini", generateContent, "contents"),
  format(":streamGenerateContent", "gcp.gemini", streamGenerateContent, "contents"),
  format(":embedContent", "gcp.gemini", embedContent, "content"),
  format(":batchEmbedContents", "gcp.gemini", embedContent, "requests"),
  format("/v2/chat", "cohere", cohere.chatV2, "messages"),
  format("/v1/chat", "cohere", cohere.chatV1, "message"),
  format("/v2/rerank", "cohere", rerank, "documents"),
  format("/v1/rerank", "cohere", rerank, "documents"),
  format("/v2/embed", "cohere", cohere.embed, "texts", "inputs", "images"),
  format("/v1/embed", "cohere", cohere.embed, "texts", "images"),
  format("/api/chat", "ollama", ollama.chat, "messages"),
  format("/api/generate", "ollama", ollama.generate, "prompt"),
  format("/api/embed", "ollama", ollama.embed, "input"),
  format("/api/embeddings", "ollama", ollama.embed, "prompt"),
];

function format(
  path: string,
  provider: string,
  dialect: Dialect,
  ...required: string[]
): WireFormat {
  return { path, provider, dialect, fields: required };
}

/** By the last part of the path, which rules out nearly every request at once. */
const BY_LAST_PART = Map.groupBy(FORMATS, ({ path }) => lastPart(path, path.length));

/** Gemini's API has the method after the model, with a colon. */
function lastPart(url: string, end: number): string {
  const slash = url.lastIndexOf("/", end - 1);
  const colon = url.lastIndexOf(":", end - 1);
  return url.slice(Math.max(slash, colon) + 1, end);
}

/** The formats of requests to this address; most often none. */
export function formatsOf(url: string): readonly WireFormat[] {
  let end = url.indexOf("?");
  if (end < 0) end = url.length;
  const candidates = BY_LAST_PART.get(lastPart(url, end));
  if (!candidates) return NONE;
  const path = url.slice(0, end);
  return candidates.filter((one) => path.endsWith(one.path));
}

const NONE: readonly WireFormat[] = [];

/** The format whose fields the body has, without parsing it. */
export function formatOf(
  formats: readonly WireFormat[],
  body: RequestBody,
): WireFormat | undefined {
  return formats.find((one) => one.fields.some((name) => body.includes(`"${name}"`)));
}
