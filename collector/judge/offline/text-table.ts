/** Lines for a terminal: columns as wide as they need to be, numbers to the right. */

const NUMBER = /^[-–]?[$]?[\d.,]*\s?%?$/;

export function textTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const all = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0)));
  const isNumeric = header.map((_, at) => rows.every((row) => NUMBER.test(row[at] ?? "")));
  return all.map((row) =>
    row
      .map((cell, at) => (isNumeric[at] ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** What came from elsewhere may hold what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, " ");
}
