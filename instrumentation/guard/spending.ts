/** What calls use, as limits count it: tokens and money. */
import { formatUsd } from "../pricing.ts";
import { runtime } from "../runtime.ts";
import { count, fields, text } from "../untyped.ts";

export interface Spending {
  /** Cached tokens included. */
  inputTokens: number;
  outputTokens: number;
  /** undefined: the model has no price. */
  costUsd: number | undefined;
}

/** Without a tokeniser: four characters a token. */
const CHARACTERS_PER_TOKEN = 4;

export const estimatedTokens = (characters: number): number =>
  Math.ceil(characters / CHARACTERS_PER_TOKEN);

export function spendingOf(inputTokens: number, outputTokens: number, model: string): Spending {
  return { inputTokens, outputTokens, costUsd: costOf(inputTokens, outputTokens, model) };
}

function costOf(inputTokens: number, outputTokens: number, model: string): number | undefined {
  if (model === "") return undefined;
  const book = runtime.priceBook();
  const price = book.resolve("", model, Date.now());
  return price && Number(formatUsd(book.cost(price, { inputTokens, outputTokens })));
}

/** What an answer, or the last part of a stream, says of its usage: OpenAI's, Anthropic's and Gemini's words for it. */
export function reportedUsage(
  answer: unknown,
): { inputTokens: number; outputTokens: number } | undefined {
  const holder = fields(fields(answer)?.["response"]) ?? fields(answer);
  const usage = fields(holder?.["usage"]) ?? fields(holder?.["usageMetadata"]);
  if (!usage) return undefined;
  const first = (...names: string[]): number | undefined =>
    names.map((name) => count(usage[name])).find((number) => number !== undefined);
  const input = first("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount");
  const output = first(
    "completion_tokens",
    "output_tokens",
    "outputTokens",
    "candidatesTokenCount",
  );
  if (input === undefined && output === undefined) return undefined;
  // Anthropic's input is without what came from the cache or went there.
  const cached =
    (first("cache_read_input_tokens") ?? 0) + (first("cache_creation_input_tokens") ?? 0);
  return { inputTokens: (input ?? 0) + cached, outputTokens: output ?? 0 };
}

export function modelOf(value: unknown): string {
  return text(fields(value)?.["model"]) ?? "";
}
