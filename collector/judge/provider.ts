/** A model's API as a judge needs it, whichever it is. Each call is made once here: calling again is ask.ts's. */
import type { TokenProbability } from "@assay/statistics/expected-score";

/** On every call: whoever traces the service that it goes through can tell it from the traffic that is judged. */
export const PURPOSE_HEADER = "X-Assay-Purpose";
export const PURPOSE = "judge";

export interface ModelRequest {
  model: string;
  system: string;
  /** The first message, and after a wrong answer: that answer and what was wrong with it. */
  turns: readonly { role: "user" | "assistant"; text: string }[];
  temperature: number;
  seed: number | undefined;
  maxTokens: number;
  /** The answer's JSON Schema; held to where the provider can. Undefined: any text will do. */
  schema: Record<string, unknown> | undefined;
  /** Probabilities of the tokens are wanted. */
  logprobs: boolean;
  timeoutMs: number;
}

export interface ModelAnswer {
  text: string;
  finish: "stop" | "length" | "filter";
  /** As the provider calls it. */
  model: string;
  fingerprint: string;
  usage: { inputTokens: number; outputTokens: number; cacheReadTokens?: number };
  /** In the order of the text. */
  tokens?: readonly { token: string; likely: readonly TokenProbability[] }[];
}

export type CallFailure =
  /** No answer in time, a broken connection, a server's own error: later it may work. */
  | "unavailable"
  | "rate_limit"
  /** The key, the money, the model: a person is needed. */
  | "denied"
  /** The provider will not answer this. */
  | "filter"
  /** The request is wrong, and would be again. */
  | "refused";

export class CallError extends Error {
  override readonly name = "CallError";
  readonly failure: CallFailure;
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: CallFailure,
    message: string,
    { retryAfterMs, cause }: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.failure = failure;
    this.retryAfterMs = retryAfterMs;
  }
}

/** @throws CallError */
export type CallModel = (request: ModelRequest, signal: AbortSignal) => Promise<ModelAnswer>;

export interface EmbeddingRequest {
  model: string;
  texts: readonly string[];
  timeoutMs: number;
}

export interface Embeddings {
  /** Of each text, in their order. */
  vectors: readonly (readonly number[])[];
  model: string;
  fingerprint: string;
  usage: ModelAnswer["usage"];
}

/** @throws CallError */
export type EmbedTexts = (request: EmbeddingRequest, signal: AbortSignal) => Promise<Embeddings>;

/** Of an answer that is none. */
export function failureOfStatus(status: number | undefined, code: string): CallFailure {
  if (/content_filter|content_policy/.test(code)) return "filter";
  if (/insufficient_quota|billing/.test(code)) return "denied";
  if (status === 429) return "rate_limit";
  if (status === 408 || status === 409 || status === undefined || status >= 500)
    return "unavailable";
  return [401, 402, 403, 404].includes(status) ? "denied" : "refused";
}

/** `Retry-After` in seconds or as a date. */
export function retryAfterMs(
  header: string | null | undefined,
  now = Date.now(),
): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
