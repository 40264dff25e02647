import { expect, test } from "vitest";
import { type Dimension, chooseTier } from "./tiers.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const odd = 123_456;

const choices: [
  string,
  { dimensions: Dimension[]; range: number; step?: number; start?: number },
  string,
][] = [
  ["an hour", { dimensions: [], range: HOUR }, "llm_1m"],
  ["a day", { dimensions: ["model"], range: DAY }, "llm_1m"],
  ["a week", { dimensions: ["model"], range: 7 * DAY }, "llm_1h"],
  ["a month", { dimensions: ["model"], range: 30 * DAY }, "llm_1d"],
  ["a month by 5 minutes", { dimensions: [], range: 30 * DAY, step: 300 }, "llm_1m"],
  ["a month by 6 hours", { dimensions: [], range: 30 * DAY, step: 21_600 }, "llm_1h"],
  ["a whole day on its boundary", { dimensions: [], range: DAY, start: 0 }, "llm_1d"],
  ["users", { dimensions: ["user", "project"], range: HOUR }, "cost_by_user_1d"],
  [
    "releases by day",
    { dimensions: ["release", "model"], range: 7 * DAY, step: 86_400 },
    "cost_by_release_1d",
  ],
];

test.each(choices)("%s", (_name, { dimensions, range, step, start = odd }, table) => {
  expect(chooseTier({ dimensions, fromMs: start, toMs: start + range, step }).table).toBe(table);
});

test("users and services are not kept together", () => {
  expect(() =>
    chooseTier({ dimensions: ["user", "service"], fromMs: 0, toMs: DAY, step: undefined }),
  ).toThrow("no table keeps user, service together");
  expect(() => chooseTier({ dimensions: ["user"], fromMs: 0, toMs: DAY, step: 3600 })).toThrow(
    "expected a step of whole days",
  );
});
