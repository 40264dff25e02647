import { type ExpectedPanels, H10, H11 } from "./expected.ts";

export const checks: ExpectedPanels = {
  "Firing, page": ["firing", [1]],
  "Firing, ticket": ["firing", [1]],
  "Held back": ["muted", [1]],
  // At two minutes past eleven; the range ends at noon.
  "Evaluated last": ["seconds", [58 * 60]],
  "What fires, and why": [
    "severity project check series reason estimate low high baseline n since trace_id",
    ["page", "shop", "cost-spike", "", "five times as much", 5, 4, 6, 1, 10, "2035-03-16 10:59:00", "ab".repeat(16)],
    ["ticket", "shop", "latency-p95", "model=big", "slower", 950, null, null, null, 30, null, ""],
  ],
  "What people were told of": [
    "project subject title opened over acknowledged_by",
    ["shop", "cost", "cost is $6/h", "2035-03-16 11:00:00.000", "open", "Ada"],
    ["shop", "latency", "calls are slow", "2035-03-16 09:00:00.000", "2035-03-16 09:30:00.000", ""],
  ],
  "What a check saw": ["time series estimate threshold", [H10, "cost-spike shop ", 1, 2], [H11, "cost-spike shop ", 5, 2]],
  "Firing series by check": [
    "time check firing",
    [H10, "latency-p95", 1],
    [H11, "cost-spike", 1],
    [H11, "latency-p95", 1],
  ],
  "Series by state": ["time state series", [H10, "firing", 1], [H10, "ok", 2], [H11, "firing", 2], [H11, "muted", 1]],
}; // prettier-ignore
