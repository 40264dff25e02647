import { type ExpectedPanels, H10, H11, H22 } from "./expected.ts";

/** Milliseconds of seven calls, three retrievals and a tool. */
const CHAT = 1_024 + 3_072 + 512 + 256 + 768 + 2_048 + 1_024;
const RETRIEVAL = 256 + 512 + 256;
const ALL = CHAT + RETRIEVAL + 128;

export const rag: ExpectedPanels = {
  "By stage": [
    "stage spans p50_ms p95_ms share_of_time error_share",
    ["chat", 7, 1_024, 3_072, CHAT / ALL, 1 / 7],
    ["retrieval", 3, 256, 512, RETRIEVAL / ALL, 0],
    ["execute_tool", 1, 128, 128, 128 / ALL, 1],
  ],
  "Latency by stage, 95 of 100": [
    "time stage p95",
    [H22, "chat", 1_024],
    [H10, "chat", 3_072],
    [H10, "retrieval", 512],
    [H11, "chat", 2_048],
    [H11, "execute_tool", 128],
    [H11, "retrieval", 256],
  ],
  "Time spent by stage": [
    "time stage seconds",
    [H22, "chat", 1.024],
    [H10, "chat", 4.608],
    [H10, "retrieval", 0.768],
    [H11, "chat", 3.072],
    [H11, "execute_tool", 0.128],
    [H11, "retrieval", 0.256],
  ],
  "Errors by stage": [
    "time stage share",
    [H22, "chat", 0],
    [H10, "chat", 1 / 3],
    [H10, "retrieval", 0],
    [H11, "chat", 0],
    [H11, "execute_tool", 1],
    [H11, "retrieval", 0],
  ],
  "Retrievals that found nothing": ["time service share", [H10, "web", 1 / 2], [H11, "web", 0]],
  "Input tokens of a call": ["time tokens", [H22, 1_000], [H10, 4_000 / 3], [H11, 1_000]],
  "Faithfulness and relevance": [
    "time metric mean",
    [H10, "faithfulness", (1 + 2 * 0.25) / 3],
    [H10, "relevance", (0.75 + 2 * 0.5) / 3],
    [H11, "faithfulness", 0.75],
    [H11, "relevance", 0.25],
  ],
  // C stands for four records, B for two, A for itself; D has neither score.
  "Blame": [
    "blame records share",
    ["retrieval: faithful, and misses the question", 1, 4 / 7],
    ["model: not faithful", 1, 2 / 7],
    ["good", 1, 1 / 7],
  ],
}; // prettier-ignore
