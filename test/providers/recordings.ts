/**
 * Recorded answers of the real APIs: which there are, and what each says of itself. What a span is expected to say is
 * read from the recorded body, never from what we make of it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { count, fields, list, text, type Fields } from "../../instrumentation/untyped.ts";

const RECORDINGS = fileURLToPath(
  new URL("../../../shared/data/provider-recordings/", import.meta.url),
);

export interface Recording {
  /** Whose API, and so which SDK replays it. */
  api: string;
  name: string;
  path: string;
  request: Fields;
  mimeType: string;
  answer: Buffer;
}

interface Har {
  log: {
    entries: {
      request: { url: string; postData?: { text: string } };
      response: { status: number; content: { mimeType: string; text?: string; encoding?: string } };
    }[];
  };
}

/** By the host that was asked. */
const APIS: Readonly<Record<string, string>> = {
  "api.openai.com": "openai",
  "api.anthropic.com": "anthropic",
  "api.together.xyz": "together",
  "api.cohere.ai": "cohere",
  "bedrock-runtime.us-east-1.amazonaws.com": "bedrock",
};

/** Methods that are traced; the retired `/v1/generate` of Cohere's is not. */
const METHODS =
  /\/(chat\/completions|completions|responses|embeddings|images\/generations|messages|chat|rerank|invoke|invoke-with-response-stream)$/;

export function recordings(): Recording[] {
  if (!existsSync(RECORDINGS)) return [];
  const files = readdirSync(RECORDINGS).filter((file) => file.endsWith(".har"));
  return files.flatMap((file) => {
    const { log } = JSON.parse(readFileSync(RECORDINGS + file, "utf8")) as Har;
    return log.entries.flatMap(({ request, response }) => {
      const { hostname, pathname } = new URL(request.url);
      const api = APIS[hostname];
      if (!api || response.status !== 200 || !METHODS.test(pathname)) return [];
      return [
        {
          api,
          name: `${file.replace(/_\d+\.har$/, "").replaceAll("-", " ")} ${pathname}`,
          path: pathname,
          request: JSON.parse(request.postData?.text ?? "{}") as Fields,
          mimeType: response.content.mimeType,
          answer: bytesOf(response.content),
        },
      ];
    });
  });
}

/** Compressed bodies are kept as a JSON array of base64 pieces of what came over the wire. */
function bytesOf({ text: body = "", encoding }: { text?: string; encoding?: string }): Buffer {
  if (encoding !== "base64") return Buffer.from(body);
  const pieces = body.startsWith("[") ? (JSON.parse(body) as string[]) : [body];
  const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64")));
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
}

/** The JSON values that the answer consists of: one, or those of its events. */
function values({ mimeType, answer }: Recording): Fields[] {
  const body = answer.toString();
  if (mimeType.includes("eventstream"))
    return [...body.matchAll(/"bytes":"([^"]+)"/g)].map(([, bytes]) =>
      parse(Buffer.from(bytes!, "base64").toString()),
    );
  if (mimeType.includes("event-stream"))
    return [...body.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => parse(data!));
  if (mimeType.includes("stream+json")) return body.trim().split("\n").map(parse);
  return [parse(body)];
}

function parse(json: string): Fields {
  return JSON.parse(json) as Fields;
}

/** Every value of this name, however deep, in the order in which they came. */
function all(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return list(value).flatMap((one) => all(one, name));
  return Object.entries(fields(value) ?? {}).flatMap(([key, inner]) =>
    key === name && inner !== null ? [inner] : all(inner, name),
  );
}

const INPUT = ["prompt_tokens", "input_tokens", "prompt_token_count"];
const OUTPUT = ["completion_tokens", "output_tokens", "generation_token_count"];
const READ = ["cached_tokens", "cache_read_input_tokens"];
const WRITTEN = ["cache_creation_input_tokens"];
const REASONS = ["finish_reason", "stop_reason"];
const MODELS = ["model"];

/** The last that was said; a stream counts up. */
function last(recording: Recording, names: readonly string[]): unknown {
  return said(recording, names).at(-1);
}

function first(recording: Recording, names: readonly string[]): unknown {
  return said(recording, names).at(0);
}

/** Where the API says what it bills, that counts. */
function said(recording: Recording, names: readonly string[]): unknown[] {
  const answer = values(recording);
  const billed = names.flatMap((name) => all(all(answer, "billed_units"), name));
  return billed.length > 0 ? billed : names.flatMap((name) => all(answer, name));
}

/** Anthropic's input does not hold what was read from the cache, nor what was written to it. */
function inputTokens(recording: Recording): number | undefined {
  const input = count(first(recording, INPUT));
  const isExclusive = WRITTEN.some((name) => all(values(recording), name).length > 0);
  if (input === undefined || !isExclusive) return input;
  return input + (count(last(recording, READ)) ?? 0) + (count(last(recording, WRITTEN)) ?? 0);
}

export function expectedOf(recording: Recording): Record<string, unknown> {
  const { api } = recording;
  const hasOutput = !/embeddings|rerank/.test(recording.path);
  const output = count(last(recording, OUTPUT));
  const reason = text(last(recording, REASONS));
  const expected = {
    "gen_ai.response.model":
      api === "cohere" || api === "openai" ? undefined : last(recording, MODELS),
    "gen_ai.usage.input_tokens": inputTokens(recording),
    "gen_ai.usage.output_tokens": hasOutput ? output : undefined,
    "gen_ai.usage.cache_read.input_tokens": last(recording, READ),
    "gen_ai.usage.cache_write.input_tokens": last(recording, WRITTEN),
    "gen_ai.response.finish_reasons": reason && hasOutput ? [reason] : undefined,
    "assay.usage.estimated": output === undefined && isStreamed(recording) ? true : undefined,
  };
  return Object.fromEntries(
    Object.entries(expected).filter(([, value]) => value !== undefined && value !== null),
  );
}

function isNoChat({ path }: Recording): boolean {
  return /embeddings|rerank|images/.test(path);
}

function isStreamed({ mimeType }: Recording): boolean {
  return mimeType.includes("stream");
}

/** Which behaviours of the contract it shows. */
export function shown(recording: Recording): string[] {
  if (isNoChat(recording)) return [];
  const kinds = values(recording).flatMap((value) => all(value, "type"));
  const called = kinds.includes("function_call") || all(values(recording), "tool_calls").length > 0;
  const cached = [...READ, ...WRITTEN].some((name) => Number(last(recording, [name])) > 0);
  return [
    isStreamed(recording) ? "streamed" : "plain",
    ...(called ? ["tool calls"] : []),
    ...(cached ? ["cached and reasoning tokens"] : []),
  ];
}
