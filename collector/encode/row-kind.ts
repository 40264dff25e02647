/** What a row of `ingest` is; its views take those of their kind. */
import type { LogEventKind } from "../otlp/log-events.ts";
import type { RowTable } from "../row-places.ts";

type RowKind = "span" | LogEventKind;

/** In the order of their numbers. */
const ROW_KINDS: readonly RowKind[] = ["span", "content", "message", "evaluation"];

/** As the engine writes it. */
export const ROW_KIND_TYPE: string = `Enum8(${ROW_KINDS.map((kind, number) => `'${kind}' = ${number}`).join(", ")})`;

const TABLES: Readonly<Record<RowKind, RowTable>> = {
  span: "spans",
  content: "span_content",
  message: "span_content",
  evaluation: "evaluations",
};

export function rowKind(kind: LogEventKind): number {
  return ROW_KINDS.indexOf(kind);
}

/** Where rows of the kind of this number are counted. */
export function tableOfKind(number: number): RowTable {
  return TABLES[ROW_KINDS[number]!];
}
