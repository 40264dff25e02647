import { about, type ExpectedPanels, H10, H11, H22 } from "./expected.ts";

/** A $0.010, B $0.030, E that failed $0.002, C $0.001, D of "search" $0.015; G of the evening before $0.020; W a week ago $0.039. */
const TODAY = 0.01 + 0.03 + 0.002 + 0.001 + 0.015;
const [G, W, D] = [0.02, 0.039, 0.015];

const BY_PROMPT = [
  ["shop", "r1", "answer", "1", 4, 0.062, 0.062 / 4],
  ["shop", "r2", "answer", "2", 2, 0.001, 0.001],
] as const;

export const costReview: ExpectedPanels = {
  "Spent in the range": ["usd", [TODAY + G]],
  "Spent today": ["usd", [TODAY]],
  "This month so far": ["usd", [TODAY + G + W]],
  // Half of the month's 31 days are over.
  "This month, at this rate": ["usd", [(TODAY + G + W) * 2]],
  "Against a week ago": ["ratio", [(TODAY + G) / W]],
  // Seven calls, of which F has no price.
  "A call": ["usd", [(TODAY + G) / 6]],
  "Calls that failed cost": ["usd", [0.002]],
  "Calls without a price": ["calls", [1]],
  "Cost by project": [
    "time project usd",
    [H22, "shop", 0.02],
    [H10, "shop", 0.042],
    [H11, "search", 0.015],
    [H11, "shop", 0.001],
  ],
  "Cost by model": [
    "time model usd",
    [H22, "big", 0.02],
    [H10, "big", 0.042],
    [H11, "big", 0.015],
    [H11, "small", 0.001],
  ],
  "Cost of a call, P50 and P95": [
    "time p50 p95",
    [H22, about(0.02), about(0.02)],
    [H10, about(0.01), about(0.03)],
    [H11, about(0.001), about(0.015)],
  ],
  // 400 and 1,000 tokens of "big", for which a cache asks $1.50 a million less.
  "Saved by caches": ["time usd", [H22, 0], [H10, 400 * 1.5e-6], [H11, 1_000 * 1.5e-6]],
  "Input read from a cache": ["time share", [H22, 0], [H10, 400 / 4_000], [H11, 1_000 / 3_000]],
  "Tokens a call": ["time input output", [H22, 1_000, 100], [H10, 4_000 / 3, 400 / 3], [H11, 1_000, 400 / 3]],
  "By project and model": [
    "project provider model calls errors unpriced tokens usd usd_a_call",
    ["shop", "openai", "big", 4, 1, 0, 5_500, 0.062, 0.062 / 4],
    ["search", "openai", "big", 1, 0, 0, 2_200, 0.015, 0.015],
    ["shop", "openai", "small", 2, 0, 1, 1_200, 0.001, 0.001],
  ],
  "By user": [
    "project user_id calls usd",
    ["shop", "ada", 3, 0.06],
    ["search", "cy", 1, 0.015],
    ["shop", "bob", 2, 0.002],
  ],
  "By release and prompt version": [
    "project release prompt_name prompt_version calls usd usd_a_call",
    BY_PROMPT[0],
    ["search", "r1", "answer", "1", 1, 0.015, 0.015],
    BY_PROMPT[1],
  ],
}; // prettier-ignore

/** "shop" alone: all but D. */
export const costOfProject: ExpectedPanels = {
  "Spent in the range": ["usd", [TODAY + G - D]],
  "Spent today": ["usd", [TODAY - D]],
  "This month so far": ["usd", [TODAY + G + W - D]],
  "This month, at this rate": ["usd", [(TODAY + G + W - D) * 2]],
  "Against a week ago": ["ratio", [(TODAY + G - D) / W]],
  "A call": ["usd", [(TODAY + G - D) / 5]],
  "Calls that failed cost": ["usd", [0.002]],
  "Calls without a price": ["calls", [1]],
  "Cost by service": [
    "time service usd",
    [H22, "web", 0.02],
    [H10, "web", 0.042],
    [H11, "api", 0.001],
  ],
  "Cost by model": ["time model usd", [H22, "big", 0.02], [H10, "big", 0.042], [H11, "small", 0.001]],
  "Cost of a call, P50 and P95": [
    "time p50 p95",
    [H22, about(0.02), about(0.02)],
    [H10, about(0.01), about(0.03)],
    [H11, about(0.001), about(0.001)],
  ],
  "Saved by caches": ["time usd", [H22, 0], [H10, 400 * 1.5e-6], [H11, 0]],
  "Input read from a cache": ["time share", [H22, 0], [H10, 400 / 4_000], [H11, 0]],
  "Tokens a call": ["time input output", [H22, 1_000, 100], [H10, 4_000 / 3, 400 / 3], [H11, 500, 100]],
  "By service and model": [
    "service environment provider model calls errors unpriced tokens usd usd_a_call",
    ["web", "production", "openai", "big", 4, 1, 0, 5_500, 0.062, 0.062 / 4],
    ["api", "production", "openai", "small", 2, 0, 1, 1_200, 0.001, 0.001],
  ],
  "By user": ["project user_id calls usd", ["shop", "ada", 3, 0.06], ["shop", "bob", 2, 0.002]],
  "By release and prompt version": [
    "project release prompt_name prompt_version calls usd usd_a_call",
    ...BY_PROMPT,
  ],
}; // prettier-ignore
