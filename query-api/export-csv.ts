/**
 * Spans as CSV (RFC 4180). A text that a spreadsheet would take for a formula gets an apostrophe in front: names and
 * content come from outside, and opening a file must not run them. JSON Lines has everything exactly.
 */
import { COLUMN_GROUPS } from "./span-facts.ts";
import type { FieldGroup } from "./spans.ts";

const FORMULA = /^[=+\-@\t\r]/;
const DETAILS = [
  "attributes",
  "resource",
  "scope",
  "events",
  "links",
  "trace_state",
  "flags",
  "dropped",
  "received_at",
];

function namesOf(fields: readonly FieldGroup[]): string[] {
  const facts = (["core", "model", "usage"] as const).filter(
    (group) => group === "core" || fields.includes(group),
  );
  return [
    ...facts.flatMap((group) =>
      [...COLUMN_GROUPS[group].matchAll(/ AS (\w+)/g)].map((found) => found[1]!),
    ),
    ...(fields.includes("details") ? DETAILS : []),
    ...(fields.includes("content") ? ["content"] : []),
  ];
}

export function csvHeader(fields: readonly FieldGroup[]): string {
  return `${namesOf(fields).join(",")}\r\n`;
}

export function csvRow(span: Record<string, unknown>, fields: readonly FieldGroup[]): string {
  return `${namesOf(fields)
    .map((name) => csvField(span[name]))
    .join(",")}\r\n`;
}

function csvField(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
