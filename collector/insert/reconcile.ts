/**
 * After an unclean stop, of ours or of the engine's machine: is what we hold for inserted really there?
 *
 * For the batches whose plans are kept, rows are counted by batch, table and day (row-places.ts) and compared with the plan.
 * What is missing is sent again under the same token, which also fills tables that a partial insert left out. If the
 * store's deduplication record hides that (the record survived, the rows did not), the missing days go to the tables that
 * lost them, and to no other, under a derived token. A day with some of its rows, or with more than planned, cannot be put right by sending: it is reported.
 */
import type { Plan } from "./plan.ts";
import type { RowCounts } from "./store.ts";

export type Finding =
  | { state: "equal" }
  | { state: "missing"; days: string[] }
  /** Some rows of a day are gone; sending the day would store the others twice. */
  | { state: "incomplete"; days: string[] }
  | { state: "duplicate"; days: string[] };

export function compare(plan: Plan, counts: RowCounts): Finding {
  const found = counts.get(plan.seqFrom) ?? new Map<string, number>();
  const planned = new Map(Object.entries(plan.rowsByDay));
  const days = [...new Set([...planned.keys(), ...found.keys()])].sort();
  const where = (test: (planned: number, found: number) => boolean) =>
    days.filter((day) => test(planned.get(day) ?? 0, found.get(day) ?? 0));
  const duplicate = where((expected, got) => got > expected);
  if (duplicate.length > 0) return { state: "duplicate", days: duplicate };
  const incomplete = where((expected, got) => got > 0 && got < expected);
  if (incomplete.length > 0) return { state: "incomplete", days: incomplete };
  const missing = where((expected, got) => got === 0 && expected > 0);
  return missing.length > 0 ? { state: "missing", days: missing } : { state: "equal" };
}
