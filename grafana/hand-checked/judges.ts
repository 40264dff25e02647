import { type ExpectedPanels, H10, H11, rounded } from "./expected.ts";

const HASH = "abcdef01";

/** Relevance of A (the mean of 0.75 and, again, 0.25), B and C, by the judge and by people. */
const PAIRS: readonly (readonly [judge: number, people: number])[] = [
  [0.5, 0.75],
  [0.5, 0],
  [0.25, 0.25],
];

function agreement(): number[] {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
  const [judge, people] = [PAIRS.map(([one]) => one), PAIRS.map(([, other]) => other)];
  const variance = (values: readonly number[]): number => mean(values.map((value) => (value - mean(values)) ** 2));
  const apart = mean(PAIRS.map(([one, other]) => (one - other) ** 2));
  const offset = mean(people) - mean(judge);
  const kappa = 1 - apart / (variance(judge) + variance(people) + offset ** 2);
  return [mean(judge), mean(people), rounded(kappa), rounded(offset), rounded(mean(PAIRS.map(([one, other]) => Math.abs(one - other))))];
} // prettier-ignore

export const judges: ExpectedPanels = {
  "Judges": [
    "metric judge strategy role hash scored mean failed abstained usd_a_thousand p95_ms",
    // Of 1,000, 2,000, 3,000 and 4,000 ms.
    ["faithfulness", "gpt", "likert", "cheap", HASH, 3, rounded((1 + 2 * 0.25 + 4 * 0.75) / 7), 1 / 4, 0, 1, 3_850],
    ["relevance", "gpt", "likert", "cheap", HASH, 3, rounded((0.75 + 2 * 0.5 + 4 * 0.25) / 7), 0, 1 / 4, 2, 500],
  ],
  "Judges against each other, and against people": [
    "metric first second records mean_first mean_second kappa offset mean_difference",
    ["relevance", `gpt ${HASH}`, "people", 3, ...agreement()],
  ],
  "Records that never change": ["time judge mean", [H11, `relevance ${HASH}`, (0.8 + 0.6) / 2]],
  // Of 0.75 and 0.25.
  "Noise of a judge": ["time judge deviation", [H10, `relevance ${HASH}`, Math.sqrt(2 * 0.25 ** 2)]],
  "Judgements by what became of them": [
    "time status judgements",
    [H10, "ok", 4],
    [H11, "abstain", 1],
    [H11, "failed", 1],
    [H11, "ok", 2],
  ],
  "Failures by reason": ["time reason failures", [H11, "timeout", 1]],
  "What judging costs": ["time judge usd", [H10, "gpt", 2 * 0.003], [H11, "gpt", 0.003 + 0.002]],
  "Share of the traffic that is judged": [
    "time stratum share",
    [H10, "rest", 1 / 10],
    [H11, "errors", 1],
    [H11, "rest", 3 / 12],
  ],
}; // prettier-ignore
