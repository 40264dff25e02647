import type { ExpectedPanels } from "./expected.ts";

/** "shop" asked P twice and got two answers, and Q twice and got one; "search" asked P once. */
export const determinism: ExpectedPanels = {
  "Agreement": ["agreement", [0.5]],
  "Prompts asked more than once": ["prompts", [2]],
  "Different answers to a prompt": ["answers", [1.5]],
  "Prompts with one answer always": ["share", [0.5]],
  "By model": [
    "model prompts answers agreement different_answers",
    ["big", 1, 2, 0, 2],
    ["small", 1, 2, 1, 1],
  ],
  "Agreement over time": [
    "time model agreement",
    ["2035-03-16 00:00:00", "big", 0],
    ["2035-03-16 00:00:00", "small", 1],
  ],
}; // prettier-ignore
