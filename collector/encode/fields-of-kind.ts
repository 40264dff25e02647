/** Which fields a row writes by their kind alone, and where to. */
import type { Columns } from "./layout.ts";
import { type Field, FIELD_NAMES, FIELDS } from "./promoted.ts";

const fieldsOfKind = (kind: Field["kind"]): number[] =>
  FIELD_NAMES.flatMap((name, index) => (FIELDS[name].kind === kind ? [index] : []));

function columnOfField(columns: Columns, field: number) {
  const { column } = FIELDS[FIELD_NAMES[field]!] as Field;
  if (column === undefined) throw new Error(`field ${FIELD_NAMES[field]} names no column`);
  return columns[column];
}

/** Fields of a kind, and the column that each goes to. */
export function columnsOfKind<T>(
  columns: Columns,
  kind: Field["kind"],
  type: new (...args: never[]) => T,
): { field: number; column: T }[] {
  return fieldsOfKind(kind).map((field) => {
    const column = columnOfField(columns, field);
    if (!(column instanceof type)) throw new Error(`field ${FIELD_NAMES[field]} is not a ${kind}`);
    return { field, column };
  });
}
