/** The file that ASSAY_PRICES names: prices of one's own, and discounts (docs/prices.md). */
import { type PriceBook, loadPriceBook, withOwnPrices } from "@assay/instrumentation/pricing";
import { z } from "zod";
import { parseConfigFile, readConfigFile } from "./config-file.ts";

const usd = z.number().min(0).max(1_000_000);
const where = {
  provider: z.string().min(1).max(128).optional(),
  model: z
    .string()
    .regex(/^[^*]{1,256}\*?$/, 'expected a model, or the beginning of models with "*" at its end'),
  project: z.string().min(1).max(256).optional(),
  region: z.string().min(1).max(128).optional(),
  service_tier: z.string().min(1).max(64).optional(),
  from: z.iso.date("expected a day like 2026-01-31").optional(),
};
const rates = z.strictObject({
  input: usd,
  output: usd,
  cache_read: usd.optional(),
  cache_write: usd.optional(),
  cache_write_1h: usd.optional(),
  cache_read_audio: usd.optional(),
  reasoning: usd.optional(),
  audio_input: usd.optional(),
  audio_output: usd.optional(),
  image_input: usd.optional(),
  image_output: usd.optional(),
});
const tier = z.strictObject({
  input_tokens: z.number().int().min(1).max(1_000_000_000),
  usd_per_million: rates.partial(),
});
const price = z.strictObject({
  ...where,
  usd_per_million: rates,
  above: z.array(tier).max(10).optional(),
  usd_per_request: usd.optional(),
  usd_per_web_search: usd.optional(),
  usd_per_file_search: usd.optional(),
});
const discount = z.strictObject({ ...where, percent: z.number().gt(0).max(100) });
const file = z.strictObject({
  prices: z.array(price).max(10_000).default([]),
  discounts: z.array(discount).max(1_000).default([]),
});

/** @throws ConfigFileError naming every problem */
export function readPriceBook(setting: string | undefined): PriceBook {
  if (setting === undefined) return loadPriceBook();
  return parsePriceBook(readConfigFile("ASSAY_PRICES", setting), setting);
}

export function parsePriceBook(text: string, name: string): PriceBook {
  return withOwnPrices(loadPriceBook(), parseConfigFile(text, name, file));
}
