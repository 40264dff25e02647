/** Numbers as people read them, in a measure's unit. */

export function quantity(value: number, unit: string): string {
  if (unit === "ratio") return `${plain(value * 100)} %`;
  if (unit.startsWith("usd")) return `$${plain(value)}${unit.slice(3).replace("/", " a ")}`;
  if (unit === "score") return value.toFixed(3);
  return `${plain(value)} ${unit.replace("/h", " an hour")}`;
}

/** Three digits that tell something. */
export function plain(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  if (size === 0) return "0";
  return String(Number(value.toPrecision(3)));
}
