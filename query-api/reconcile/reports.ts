/**
 * Providers' own reports of usage and cost, as their APIs give them (the JSON of one or more pages, saved to a file):
 * OpenAI's `/v1/organization/usage/completions`, `…/usage/embeddings` and `/v1/organization/costs`, Anthropic's
 * `/v1/organizations/usage_report/messages` and `/v1/organizations/cost_report`.
 *
 * Reports by model are needed to compare models: `group_by=model`, and for costs `group_by=line_item` (OpenAI) or
 * `group_by[]=description` (Anthropic).
 */
import { z } from "zod";

/** What both sides can tell apart: reasoning is in the output. */
export const KINDS = [
  "input",
  "cache_read",
  "cache_write",
  "cache_write_1h",
  "audio_input",
  "output",
  "audio_output",
  "web_searches",
] as const;
export type Kind = (typeof KINDS)[number];
export type Amounts = Record<Kind, number>;

export type Provider = "openai" | "anthropic";

interface ReportedUsage {
  provider: Provider;
  /** UTC, `YYYY-MM-DD`. */
  day: string;
  /** Empty: the report does not say. */
  model: string;
  /** Null: the provider does not count them. */
  calls: number | null;
  amounts: Amounts;
}

interface ReportedCost {
  provider: Provider;
  day: string;
  model: string;
  /** 1e-12 USD. */
  picoUsd: bigint;
}

export interface Report {
  usages: ReportedUsage[];
  costs: ReportedCost[];
}

const count = z.number().min(0).nullish();
const name = z.string().nullish();

const openaiUsage = z.looseObject({
  object: z.string().regex(/^organization\.usage\.(completions|embeddings)\.result$/),
  input_tokens: count,
  output_tokens: count,
  input_cached_tokens: count,
  input_audio_tokens: count,
  output_audio_tokens: count,
  num_model_requests: count,
  model: name,
});
const openaiCost = z.looseObject({
  object: z.literal("organization.costs.result"),
  amount: z.looseObject({
    value: z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/)]),
    currency: z.string(),
  }),
  line_item: name,
});
const openaiPage = z.looseObject({
  data: z.array(
    z.looseObject({
      start_time: z.number().int().min(0),
      results: z.array(z.union([openaiUsage, openaiCost])),
    }),
  ),
});

const anthropicUsage = z.looseObject({
  uncached_input_tokens: z.number().min(0),
  cache_read_input_tokens: count,
  cache_creation: z
    .looseObject({ ephemeral_5m_input_tokens: count, ephemeral_1h_input_tokens: count })
    .nullish(),
  output_tokens: count,
  server_tool_use: z.looseObject({ web_search_requests: count }).nullish(),
  model: name,
});
const anthropicCost = z.looseObject({
  amount: z.string().regex(/^-?\d+(\.\d+)?$/, "cents as a decimal string"),
  currency: z.string(),
  model: name,
});
const anthropicPage = z.looseObject({
  data: z.array(
    z.looseObject({
      starting_at: z.string().datetime({ offset: true }),
      results: z.array(z.union([anthropicUsage, anthropicCost])),
    }),
  ),
});

/** @throws with a sentence that names the file and what was expected */
export function readReport(text: string, file: string): Report {
  const pages = pagesOf(text, file);
  const reports = pages.map((page) => {
    const openai = openaiPage.safeParse(page);
    if (openai.success) return openaiReport(openai.data, file);
    const anthropic = anthropicPage.safeParse(page);
    if (anthropic.success) return anthropicReport(anthropic.data, file);
    throw new Error(
      `${file}: expected a page of OpenAI's or Anthropic's usage or cost report, as their APIs give it`,
    );
  });
  return {
    usages: reports.flatMap(({ usages }) => usages),
    costs: reports.flatMap(({ costs }) => costs),
  };
}

/** One page, an array of pages, or a page a line. */
function pagesOf(text: string, file: string): unknown[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed : [parsed];
  } catch {
    try {
      return text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map((line): unknown => JSON.parse(line));
    } catch (cause) {
      throw new Error(`${file}: expected JSON`, { cause });
    }
  }
}

const NOTHING: Amounts = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Amounts;

function openaiReport(page: z.output<typeof openaiPage>, file: string): Report {
  const report: Report = { usages: [], costs: [] };
  for (const { start_time: start, results } of page.data) {
    const day = new Date(start * 1000).toISOString().slice(0, 10);
    for (const result of results) {
      if ("amount" in result) {
        const { amount, line_item: item } = openaiCost.parse(result);
        checkCurrency(amount.currency, file);
        // "gpt-4o-2024-08-06, input"
        const model = item?.split(", ")[0] ?? "";
        const picoUsd = decimal(String(amount.value), 12);
        report.costs.push({ provider: "openai", day, model, picoUsd });
        continue;
      }
      const usage = openaiUsage.parse(result);
      const cached = usage.input_cached_tokens ?? 0;
      report.usages.push({
        provider: "openai",
        day,
        model: usage.model ?? "",
        calls: usage.num_model_requests ?? 0,
        amounts: {
          ...NOTHING,
          input: (usage.input_tokens ?? 0) - cached,
          cache_read: cached,
          audio_input: usage.input_audio_tokens ?? 0,
          output: usage.output_tokens ?? 0,
          audio_output: usage.output_audio_tokens ?? 0,
        },
      });
    }
  }
  return report;
}

function anthropicReport(page: z.output<typeof anthropicPage>, file: string): Report {
  const report: Report = { usages: [], costs: [] };
  for (const { starting_at: start, results } of page.data) {
    const day = new Date(start).toISOString().slice(0, 10);
    for (const result of results) {
      const model = result.model ?? "";
      if ("amount" in result) {
        const { amount, currency } = anthropicCost.parse(result);
        checkCurrency(currency, file);
        // Cents.
        report.costs.push({ provider: "anthropic", day, model, picoUsd: decimal(amount, 10) });
        continue;
      }
      const usage = anthropicUsage.parse(result);
      report.usages.push({
        provider: "anthropic",
        day,
        model,
        calls: null,
        amounts: {
          ...NOTHING,
          input: usage.uncached_input_tokens,
          cache_read: usage.cache_read_input_tokens ?? 0,
          cache_write: usage.cache_creation?.ephemeral_5m_input_tokens ?? 0,
          cache_write_1h: usage.cache_creation?.ephemeral_1h_input_tokens ?? 0,
          output: usage.output_tokens ?? 0,
          web_searches: usage.server_tool_use?.web_search_requests ?? 0,
        },
      });
    }
  }
  return report;
}

function checkCurrency(currency: string, file: string): void {
  if (currency.toLowerCase() === "usd") return;
  throw new Error(`${file}: expected amounts in USD, got "${currency}"`);
}

/** A decimal number as a whole one of 10^-places, what is beyond them cut off. */
function decimal(text: string, places: number): bigint {
  const plain = /e/i.test(text) ? Number(text).toFixed(places) : text;
  const [whole = "0", fraction = ""] = plain.replace("-", "").split(".");
  const value = BigInt(whole + fraction.slice(0, places).padEnd(places, "0"));
  return plain.startsWith("-") ? -value : value;
}
