import { afterEach, expect, test, vi } from "vitest";
import { watchLedger, type LedgerWatch } from "./ledger.ts";

const NOW = Date.UTC(2026, 10, 24);
const watches: LedgerWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop();
});

interface Figures {
  /** Accepted in settled batches. */
  accepted?: number;
  deadLettered?: number;
  repeats?: number;
  rowsByDay?: Record<string, number>;
  found?: Record<string, number>;
  appendedSpans?: number;
  pendingSpans?: number;
  pendingRecords?: number;
  duplicateSpans?: number;
}

async function statsOf(figures: Figures) {
  const { accepted = 0, deadLettered = 0, repeats = 0, rowsByDay = {}, found = {} } = figures;
  const { appendedSpans = 0, pendingSpans = 0, pendingRecords = 1, duplicateSpans = 0 } = figures;
  const watch = watchLedger({
    settled: () => ({
      logId: "a",
      from: 0,
      through: 9,
      without: [],
      accepted,
      deadLettered,
      repeats,
      rowsByDay: new Map(Object.entries(rowsByDay)),
    }),
    log: () => ({ appendedSpans, pendingSpans, pendingRecords, duplicateSpans }),
    countStored: () => Promise.resolve(new Map(Object.entries(found))),
    retentionDays: { spans: 90, span_content: 30, evaluations: 400 },
    now: () => NOW,
  });
  watches.push(watch);
  return vi.waitUntil(() => watch.stats());
}

const today = { "2026-11-24": 100 };

test.each<[name: string, figures: Figures, expected: object]>([
  ["all stored", { accepted: 100, rowsByDay: today, found: today }, { stored: 100, residual: 0 }],
  [
    "some wait in the log, some are dead letters, some came twice",
    {
      accepted: 105,
      deadLettered: 3,
      repeats: 2,
      rowsByDay: today,
      found: today,
      pendingSpans: 7,
      duplicateSpans: 5,
    },
    { accepted: 117, stored: 100, inLog: 7, deadLettered: 3, deduplicated: 7, residual: 0 },
  ],
  [
    "rows are gone",
    { accepted: 100, rowsByDay: today, found: { "2026-11-24": 60 } },
    { stored: 60, residual: 40 },
  ],
  [
    "rows are there twice",
    { accepted: 100, rowsByDay: today, found: { "2026-11-24": 101 } },
    { residual: -1 },
  ],
  [
    "the encoder made too few rows",
    { accepted: 102, rowsByDay: today, found: today },
    { residual: 2 },
  ],
  [
    "days past the retention are gone, as they should be",
    { accepted: 150, rowsByDay: { "2026-08-20": 50, ...today }, found: today },
    { stored: 100, expired: 50, residual: 0 },
  ],
  [
    "each table has its own retention",
    {
      accepted: 30,
      rowsByDay: { "2026-10-24": 10, "2026-10-24 span_content": 10, "2026-10-24 evaluations": 10 },
      found: { "2026-10-24": 10, "2026-10-24 evaluations": 9 },
    },
    { stored: 19, expired: 10, residual: 1 },
  ],
  [
    "the log has spans left over but no record",
    { accepted: 100, rowsByDay: today, found: today, pendingSpans: 4, pendingRecords: 0 },
    { inLog: 0, residual: 4 },
  ],
])("%s", async (_, figures, expected) => {
  expect(await statsOf(figures)).toMatchObject(expected);
});
