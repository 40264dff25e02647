/** For tests: SQL as the data source sends it. */
export interface Sent {
  /** Unix seconds. */
  fromS: number;
  toS: number;
  /** Seconds of a step of a chart. @default 3600 */
  stepS?: number;
  /** What is chosen in the variables, by name. */
  choices?: Readonly<Record<string, readonly string[]>>;
}

export function sentSql(sql: string, { fromS, toS, stepS = 3_600, choices = {} }: Sent): string {
  return sql
    .replace(
      /\$__timeFilter\(([^)]+)\)/g,
      `$1 >= toDateTime(${fromS}) AND $1 <= toDateTime(${toS})`,
    )
    .replace(
      /\$__timeInterval\(([^)]+)\)/g,
      `toStartOfInterval(toDateTime($1), INTERVAL ${stepS} second)`,
    )
    .replaceAll("$__fromTime", `toDateTime(${fromS})`)
    .replaceAll("$__toTime", `toDateTime(${toS})`)
    .replace(/\$\{(\w+):singlequote\}/g, (_all, name: string) => {
      const chosen = choices[name];
      if (!chosen) throw new Error(`nothing is chosen for "${name}"`);
      return chosen.map((one) => `'${one}'`).join(",");
    });
}
