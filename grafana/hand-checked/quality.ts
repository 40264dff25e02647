import { type ExpectedPanels, H10, H11, interval, rounded } from "./expected.ts";
import { traceId } from "./records.ts";

/** Composites 0.9, 0.2, 0.8 and 0.6, that stand for 1, 2, 4 and 2 records: nine. */
const MEAN = (0.9 + 2 * 0.2 + 4 * 0.8 + 2 * 0.6) / 9;
const BIG = interval([0.9, 1], [0.2, 0.5]).map(rounded);

export const quality: ExpectedPanels = {
  "Weighted score": ["mean", [MEAN]],
  "Records scored": ["records", [4]],
  // Four records, two metrics: D's faithfulness failed, and its relevance was not given.
  "Judgements that failed": ["share", [1 / 8]],
  "Pass rate": ["share", [7 / 9]],
  "Quality budget left": ["left", [1 - 2 / 9 / 0.05]],
  "Error budget left": ["left", [1 - 1 / 7 / 0.01]],
  "Spent": ["usd", [0.01 + 0.03 + 0.002 + 0.001 + 0.015 + 0.02]],
  "Weighted score, with its 95 % interval": [
    "time mean low high",
    [H10, ...interval([0.9, 1], [0.2, 0.5])],
    [H11, ...interval([0.8, 0.25], [0.6, 0.5])],
  ],
  "By metric": [
    "time metric mean",
    [H10, "faithfulness", (1 + 2 * 0.25) / 3],
    [H10, "relevance", (0.75 + 2 * 0.5) / 3],
    [H11, "faithfulness", 0.75],
    [H11, "relevance", 0.25],
  ],
  // A is good and stands for itself, C for four.
  "Cost of a good answer": [
    "time usd",
    [H10, (0.01 + 0.03 + 0.002) / 1],
    [H11, (0.001 + 0.015) / 4],
  ],
  "Records with a reference": ["time share", [H10, 1 / 2], [H11, 0]],
  "By model and release": [
    "project model release mean low high scored",
    ["shop", "big", "r1", ...BIG, 2],
    ["search", "big", "r1", 0.6, 0.6, 0.6, 1],
    ["shop", "small", "r2", 0.8, 0.8, 0.8, 1],
  ],
  "The worst answers": [
    "time metric score explanation model trace",
    ["2035-03-16 11:20:00.000000000", "relevance", 0.25, "", "small", traceId("C")],
    ["2035-03-16 10:10:00.000000000", "faithfulness", 0.25, "says what is not there", "big", traceId("B")],
    ["2035-03-16 10:10:00.000000000", "relevance", 0.5, "", "big", traceId("B")],
    ["2035-03-16 11:20:00.000000000", "faithfulness", 0.75, "", "small", traceId("C")],
    ["2035-03-16 10:05:00.000000000", "relevance", 0.75, "", "big", traceId("A")],
    ["2035-03-16 10:05:00.000000000", "faithfulness", 1, "", "big", traceId("A")],
  ],
}; // prettier-ignore
