/**
 * Which of an answer's numbers, dates and identifiers stand in the context: those that do not were made up, computed, or
 * known otherwise. No model is asked.
 *
 * "1,234.50" and "1234.5" are one number; where a comma or a point can be read two ways ("1,234"), either reading counts.
 * Left out are a list's own numbers and references such as [2]. Numbers in words are not seen.
 */

export interface NumberGrounding {
  /** Of the answer's different numbers those found. Undefined when it has none. */
  share: number | undefined;
  numbers: number;
  missing: readonly string[];
}

export function numberGrounding(output: string, context: readonly string[]): NumberGrounding {
  const known = new Set(
    context.flatMap((text) =>
      items(text).flatMap((item) => [item, ...partsOf(item)].flatMap(readings)),
    ),
  );
  const own = new Set(items(withoutMarks(output)));
  const missing = [...own].filter((item) => !isKnown(item, known));
  const share = own.size === 0 ? undefined : 1 - missing.length / own.size;
  return { share, numbers: own.size, missing };
}

/** Runs of letters, digits and the marks inside them, that have a digit. */
const ITEM = /[\p{L}\p{N}]+(?:[-.,:/_'’][\p{L}\p{N}]+)*/gu;

function items(text: string): string[] {
  return (text.normalize("NFKC").toLowerCase().match(ITEM) ?? []).filter((item) =>
    /\p{Nd}/u.test(item),
  );
}

function withoutMarks(text: string): string {
  return text.replace(/^\s*(?:[-*#>]\s*)*\d{1,3}[.)]\s/gm, " ").replace(/\[\d{1,3}\]/g, " ");
}

function isKnown(item: string, known: ReadonlySet<string>): boolean {
  if (readings(item).some((reading) => known.has(reading))) return true;
  const parts = partsOf(item);
  return parts.length > 0 && parts.every((part) => readings(part).some((one) => known.has(one)));
}

/** The numbers of a date or a range: written another way they are the same. */
function partsOf(item: string): string[] {
  return /^\d+(?:[-:/]\d+)+$/.test(item) ? item.split(/[-:/]/) : [];
}

/** The item itself, and the numbers that it may be; a unit or an ending at it (10kg, 3rd) is none of the number. */
function readings(item: string): string[] {
  const match = /^(\d[\d.,'’]*)\p{L}{0,3}$/u.exec(item);
  if (!match) return [item];
  const plain = match[1]!.replace(/['’]/g, "");
  const asPoint = plain.replaceAll(",", "");
  const asComma = plain.replaceAll(".", "").replaceAll(",", ".");
  return [
    item,
    ...[asPoint, asComma].filter((text) => /^\d+(?:\.\d+)?$/.test(text)).map(canonical),
  ];
}

/** Without zeros that say nothing; of any length, so not by way of a number. */
function canonical(number: string): string {
  const [whole, decimals = ""] = number.split(".") as [string, string?];
  const rest = decimals.replace(/0+$/, "");
  return `${whole.replace(/^0+(?=\d)/, "")}${rest === "" ? "" : `.${rest}`}`;
}
