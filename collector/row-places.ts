/**
 * Where a block's rows are counted, each in one table: spans in `spans`, what came as log events in the table that keeps
 * it. A place is a table and a UTC day of `event_time`, which no insert fills by halves: `2026-11-24` in `spans`,
 * `2026-11-24 evaluations` in another.
 */
export const ROW_TABLES = ["spans", "span_content", "evaluations"] as const;
export type RowTable = (typeof ROW_TABLES)[number];

/** Which of its rows a block's rows are: those of `span_content` stand beside the content of spans. */
export const ROWS_OF_TABLE: Readonly<Record<RowTable, string>> = {
  spans: "row_kind = 'span'",
  span_content: "row_kind IN ('content', 'message')",
  evaluations: "row_kind = 'evaluation'",
};

export function rowPlace(table: RowTable, day: string): string {
  return table === "spans" ? day : `${day} ${table}`;
}

export function tableOf(place: string): RowTable {
  return ROW_TABLES.find((table) => place.endsWith(` ${table}`)) ?? "spans";
}

export function dayOf(place: string): string {
  return place.slice(0, 10);
}
