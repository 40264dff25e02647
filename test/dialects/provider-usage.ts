/**
 * What providers said a call used, taken from their own answers: recorded ones, and for Gemini and Bedrock's Converse ones
 * made after their documentation. Each as exclusive buckets, by the provider's own rules, and as it came.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

const RECORDINGS = fileURLToPath(
  new URL("../../../shared/data/provider-recordings/", import.meta.url),
);

export interface ProviderUsage {
  name: string;
  provider: "openai" | "anthropic" | "aws.bedrock" | "gcp.gemini";
  model: string;
  /** As the provider counts: of Anthropic without the cache, of Gemini without the thoughts. */
  rawInput: number;
  rawOutput: number;
  /** That the provider states, or the sum of all. */
  total: number;
  /** Exclusive. */
  input: number;
  cacheRead: number;
  cacheWrite: number;
  output: number;
  reasoning: number;
}

type Json = Record<string, unknown>;
const object = (value: unknown): Json =>
  typeof value === "object" && value ? (value as Json) : {};
const number = (value: unknown): number => (typeof value === "number" ? value : 0);

interface Har {
  log: {
    entries: {
      request: { url: string; postData?: { text: string } };
      response: { status: number; content: { text?: string; encoding?: string } };
    }[];
  };
}

export function recordedUsages(): ProviderUsage[] {
  if (!existsSync(RECORDINGS)) return [];
  return readdirSync(RECORDINGS)
    .filter((file) => /^(openai|anthropic|bedrock|langchain|llamaindex)__/.test(file))
    .flatMap((file) => {
      const { log } = JSON.parse(readFileSync(RECORDINGS + file, "utf8")) as Har;
      return log.entries.flatMap(({ request, response }, place) => {
        const found = usageOf(request, bodiesOf(textOf(response.content)));
        const name = `${file.replace(/_\d+\.har$/, "")} ${place}`;
        return response.status === 200 && found ? [{ name, ...found }] : [];
      });
    });
}

/** Compressed bodies are kept as a JSON array of base64 pieces of what came over the wire. */
function textOf({ text = "", encoding }: { text?: string; encoding?: string }): string {
  if (encoding !== "base64") return text;
  const pieces = text.startsWith("[") ? (JSON.parse(text) as string[]) : [text];
  const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64")));
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString("latin1");
}

/** One JSON body, the events of a stream, or the chunks of Amazon's event stream. */
function bodiesOf(text: string): Json[] {
  const pieces = text.startsWith("{")
    ? [text]
    : [
        ...[...text.matchAll(/^data: (\{.*\})\s*$/gm)].map(([, json]) => json!),
        ...[...text.matchAll(/\{"bytes":"([^"]+)"/g)].map(([, base64]) =>
          Buffer.from(base64!, "base64").toString(),
        ),
      ];
  return pieces.map((piece) => JSON.parse(piece) as Json);
}

function usageOf(
  request: { url: string; postData?: { text: string } },
  bodies: readonly Json[],
): Omit<ProviderUsage, "name"> | undefined {
  const { host, pathname } = new URL(request.url);
  const asked = object(
    JSON.parse(request.postData?.text?.startsWith("{") ? request.postData.text : "{}"),
  );
  const said = (key: string): Json =>
    Object.assign(
      {},
      ...bodies.map((body) =>
        object(body[key] ?? object(body["message"])[key] ?? object(body["response"])[key]),
      ),
    ) as Json;
  const usage = said("usage");
  if (host === "api.anthropic.com") return anthropic("anthropic", String(asked["model"]), usage);
  if (host.startsWith("bedrock")) return bedrock(pathname, usage, bodies);
  if (host === "api.openai.com" && Object.keys(usage).length > 0 && !pathname.includes("images"))
    return openai(String(asked["model"]), usage);
  return undefined;
}

/** Cached tokens are part of the input, reasoning ones of the output. */
function openai(model: string, usage: Json): Omit<ProviderUsage, "name"> {
  const of = (...names: string[]): number =>
    names.reduce((found, name) => found || number(usage[name]), 0);
  const input = of("prompt_tokens", "input_tokens");
  const output = of("completion_tokens", "output_tokens");
  const cacheRead = number(
    object(usage["prompt_tokens_details"] ?? usage["input_tokens_details"])["cached_tokens"],
  );
  const reasoning = number(
    object(usage["completion_tokens_details"] ?? usage["output_tokens_details"])[
      "reasoning_tokens"
    ],
  );
  return {
    provider: "openai",
    model,
    rawInput: input,
    rawOutput: output,
    total: number(usage["total_tokens"]) || input + output,
    input: input - cacheRead,
    cacheRead,
    cacheWrite: 0,
    output: output - reasoning,
    reasoning,
  };
}

/** Cached tokens are beside the input. */
function anthropic(
  provider: ProviderUsage["provider"],
  model: string,
  usage: Json,
): Omit<ProviderUsage, "name"> {
  const input = number(usage["input_tokens"]);
  const cacheRead = number(usage["cache_read_input_tokens"]);
  const cacheWrite = number(usage["cache_creation_input_tokens"]);
  const output = number(usage["output_tokens"]);
  return {
    provider,
    model,
    rawInput: input,
    rawOutput: output,
    total: input + cacheRead + cacheWrite + output,
    input,
    cacheRead,
    cacheWrite,
    output,
    reasoning: 0,
  };
}

function bedrock(
  pathname: string,
  usage: Json,
  bodies: readonly Json[],
): Omit<ProviderUsage, "name"> {
  const model = decodeURIComponent(pathname.split("/")[2] ?? "");
  if (Object.keys(usage).length > 0) return anthropic("aws.bedrock", model, usage);
  // Llama: the numbers of a stream's last chunk are those of the whole.
  const last = (key: string): number =>
    bodies.reduce((found, body) => number(body[key]) || found, 0);
  return anthropic("aws.bedrock", model, {
    input_tokens: last("prompt_token_count"),
    output_tokens: last("generation_token_count"),
  });
}

/** `usageMetadata` of generateContent: cached tokens are part of the prompt, thoughts beside the candidates. */
function gemini(name: string, metadata: Json): ProviderUsage {
  const prompt = number(metadata["promptTokenCount"]);
  const cacheRead = number(metadata["cachedContentTokenCount"]);
  const candidates = number(metadata["candidatesTokenCount"]);
  const reasoning = number(metadata["thoughtsTokenCount"]);
  return {
    name,
    provider: "gcp.gemini",
    model: "gemini-2.5-pro",
    rawInput: prompt,
    rawOutput: candidates,
    total: number(metadata["totalTokenCount"]),
    input: prompt - cacheRead,
    cacheRead,
    cacheWrite: 0,
    output: candidates,
    reasoning,
  };
}

/** `usage` of Converse: cached tokens are beside the input. */
function converse(name: string, usage: Json): ProviderUsage {
  return {
    name,
    ...anthropic("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", {
      input_tokens: usage["inputTokens"],
      output_tokens: usage["outputTokens"],
      cache_read_input_tokens: usage["cacheReadInputTokens"],
      cache_creation_input_tokens: usage["cacheWriteInputTokens"],
    }),
  };
}

export const DOCUMENTED: readonly ProviderUsage[] = [
  gemini("Gemini, plain", {
    promptTokenCount: 31,
    candidatesTokenCount: 12,
    totalTokenCount: 43,
  }),
  gemini("Gemini, fewer thoughts than answer", {
    promptTokenCount: 31,
    candidatesTokenCount: 412,
    thoughtsTokenCount: 97,
    totalTokenCount: 540,
  }),
  gemini("Gemini, more thoughts than answer, cached", {
    promptTokenCount: 70_012,
    cachedContentTokenCount: 69_888,
    candidatesTokenCount: 25,
    thoughtsTokenCount: 1_210,
    totalTokenCount: 71_247,
  }),
  converse("Converse, cache smaller than input", {
    inputTokens: 900,
    outputTokens: 40,
    cacheReadInputTokens: 300,
    cacheWriteInputTokens: 200,
    totalTokens: 1440,
  }),
  converse("Converse, cache larger than input", {
    inputTokens: 12,
    outputTokens: 40,
    cacheReadInputTokens: 5_000,
    cacheWriteInputTokens: 0,
    totalTokens: 5_052,
  }),
];
