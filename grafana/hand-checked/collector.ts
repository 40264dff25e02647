import { type ExpectedPanels, H10, H11 } from "./expected.ts";

/** "Store by table" is compared with the tables themselves: panels.int.test.ts. */
export const collector: ExpectedPanels = {
  "Accepted spans in the range": ["spans", [1_000]],
  "Spans that are nowhere": ["value", [2]],
  "Outage runway": ["value", [3_600]],
  "Age of what is not stored yet": ["value", [5]],
  "Spans accepted, refused and failed": [
    "time what spans",
    [H10, "accepted", 500],
    [H11, "rejected", 3],
    [H11, "accepted", 500],
    [H11, "failed", 1],
    [H11, "refused", 5],
  ],
  "Requests not answered with success": ["time reason requests", [H10, "overload", 1], [H11, "malformed", 6]],
  "Queue in use": ["time collector share", [H10, "c1", 0.5], [H11, "c2", 0.05]],
  "Sync of the log, mean and slowest": ["time mean slowest_since_start", [H10, 0.4 / 40, 0.1], [H11, 0.3 / 30, 0.3]],
  "Spans stored, and put aside": [
    "time what spans",
    [H10, "stored", 450],
    [H11, "dead letters", 2],
    [H11, "stored", 250],
  ],
  "Inserts that failed and were tried again": ["time code attempts", [H11, "241", 4], [H11, "252", 5]],
  "Ingest lag": ["time collector seconds", [H10, "c1", 9], [H11, "c1", 2], [H11, "c2", 5]],
  "Canary": ["time seconds missed", [H10, 2.5, 0], [H11, 0, 2]],
  "Forwarding: spans that wait": ["time destination spans", [H10, "d", 9]],
  "Memory": ["time collector rss", [H10, "c1", 2e8], [H11, "c2", 3e8]],
  "Disk": ["time collector free", [H10, "c1", 4e9], [H11, "c2", 9e9]],
  // 72 seconds of CPU in two minutes, 15 in one.
  "CPU": ["time collector cores", [H10, "c1", 0.6], [H11, "c2", 0.25]],
  "Event loop lag, 99 of 100": ["time collector seconds", [H10, "c1", 0.02], [H11, "c2", 0.3]],
  "Calls without a price, and values folded": ["time what count", [H10, "without a price", 10], [H11, "folded", 2]],
  "Judging lag, and checks behind": ["time what seconds", [H10, "judging", 4], [H11, "checks", 3]],
}; // prettier-ignore
