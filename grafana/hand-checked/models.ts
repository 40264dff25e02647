import { type ExpectedPanels, H10, H11, H22, interval, rounded } from "./expected.ts";

/** Of a thousand calls of "big": A, B, E, D and G. */
const BIG_USD = ((0.01 + 0.03 + 0.002 + 0.015 + 0.02) / 5) * 1_000;
const big = (...scores: readonly (readonly [value: number, probability: number])[]) => {
  const of = interval(...scores);
  return [...of.map(rounded), scores.length, BIG_USD, rounded(of[0] / BIG_USD)];
};

export const models: ExpectedPanels = {
  // E failed, and asked for "big", which answers as "big". Output tokens over seconds: 700 over 7.68, 200 over 1.024.
  "Models": [
    "provider model calls error_share usd_a_thousand p95_ms first_token_p95_ms tokens_a_second",
    ["openai", "big", 5, 1 / 5, BIG_USD, 3_072, 1_024, 700 / 7.68],
    ["openai", "small", 2, 0, 1, 768, null, 200 / 1.024],
  ],
  "Quality by model, and what it costs": [
    "model metric mean low high scored usd_a_thousand quality_for_a_dollar",
    ["small", "composite", 0.8, 0.8, 0.8, 1, 1, 0.8],
    ["big", "composite", ...big([0.9, 1], [0.2, 0.5], [0.6, 0.5])],
    ["small", "faithfulness", 0.75, 0.75, 0.75, 1, 1, 0.75],
    ["big", "faithfulness", ...big([1, 1], [0.25, 0.5])],
    ["big", "relevance", ...big([0.75, 1], [0.5, 0.5])],
    ["small", "relevance", 0.25, 0.25, 0.25, 1, 1, 0.25],
  ],
  "Calls by model": ["time model calls", [H22, "big", 1], [H10, "big", 3], [H11, "big", 1], [H11, "small", 2]],
  "Latency, 95 of 100, by model": [
    "time model p95",
    [H22, "big", 1_024],
    [H10, "big", 3_072],
    [H11, "big", 2_048],
    [H11, "small", 768],
  ],
  "Time to first token, 95 of 100, by model": [
    "time model p95",
    [H22, "big", 256],
    [H10, "big", 512],
    [H11, "big", 1_024],
  ],
  "Output tokens a second by model": [
    "time model tokens",
    [H22, "big", 100 / 1.024],
    [H10, "big", 400 / 4.096],
    [H11, "big", 200 / 2.048],
    [H11, "small", 200 / 1.024],
  ],
  "Errors by requested model": ["time model share", [H22, "big", 0], [H10, "big", 1 / 3], [H11, "big", 0], [H11, "small", 0]],
  "Refused as too many (429)": ["time model share", [H22, "big", 0], [H10, "big", 1 / 3], [H11, "big", 0], [H11, "small", 0]],
  "Answers cut off": ["time model share", [H22, "big", 0], [H10, "big", 1 / 3], [H11, "big", 0], [H11, "small", 0]],
  "Traces in which another model answered": ["time series share", [H10, "service=web", (0.25 + 0.35) / 2]],
  "Why calls fail": [
    "provider model operation error count",
    ["", "", "execute_tool", "Timeout", 1],
    ["openai", "big", "chat", "429", 1],
  ],
}; // prettier-ignore
