/**
 * Models and prices that the providers published after the data of `@pydantic/genai-prices` (`PRICES_PUBLISHED`), in its form.
 * They come before the data's own, some of which match by the beginning of a name only; a test says when the data has them.
 */
import type { MatchLogic, ModelInfo } from "@pydantic/genai-prices";

/** `claude-haiku-5-5`, with a date or without, `claude-haiku-5.5`. */
function claude(family: string, version: string): MatchLogic {
  const dashed = version.replace(".", "-");
  return {
    or: [
      { equals: `claude-${family}-${dashed}` },
      { regex: `^claude-${family}-${dashed}-\\d{8}$` },
      { starts_with: `claude-${family}-${version}` },
      { starts_with: `claude-${version}-${family}` },
      { starts_with: `claude-${dashed}-${family}` },
    ],
  };
}

/** A prompt of more than 100,000 tokens, cached ones included, costs the higher price, as do its answer's tokens. */
const longPrompt = (base: number, price: number) => ({
  base,
  tiers: [{ start: 100_000, price }],
});

const sonnet55 = {
  input_mtok: 2,
  cache_write_mtok: 2.5,
  cache_write_1h_mtok: 4,
  cache_read_mtok: 0.2,
  output_mtok: 10,
  web_searches_kcount: 10,
};

/** By the data's name of the provider. Of https://platform.claude.com/docs/en/about-claude/pricing */
export const LATER_MODELS: Readonly<Record<string, readonly ModelInfo[]>> = {
  anthropic: [
    {
      id: "claude-sonnet-5-5",
      match: claude("sonnet", "5.5"),
      prices: [
        { prices: sonnet55 },
        {
          constraint: { type: "start_date", start_date: "2026-10-07" },
          prices: { ...sonnet55, cache_read_mtok: 0.1 },
        },
      ],
    },
    {
      id: "claude-haiku-5-5",
      match: claude("haiku", "5.5"),
      prices: {
        input_mtok: longPrompt(0.1, 0.5),
        cache_write_mtok: longPrompt(0.125, 0.625),
        cache_write_1h_mtok: longPrompt(0.2, 1),
        cache_read_mtok: longPrompt(0.01, 0.05),
        output_mtok: longPrompt(0.5, 2.5),
        web_searches_kcount: 10,
      },
    },
  ],
};
