/** `--name value` and `--flag` on a command line. */

/** @throws naming `usage` where an option is unknown, comes twice or has no value */
export function readOptions(
  args: readonly string[],
  {
    values,
    flags = [],
    usage,
  }: { values: readonly string[]; flags?: readonly string[]; usage: string },
): { values: ReadonlyMap<string, string>; flags: ReadonlySet<string>; rest: readonly string[] } {
  const found = new Map<string, string>();
  const set = new Set<string>();
  const rest: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const name = args[at]!;
    if (!name.startsWith("--")) rest.push(name);
    else if (flags.includes(name)) set.add(name);
    else if (values.includes(name) && !found.has(name) && args[at + 1] !== undefined)
      found.set(name, args[++at]!);
    else throw new Error(`${usage}; got "${name}"`);
  }
  return { values: found, flags: set, rest };
}

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d\d-\d\d$/;

/** A UTC day as the start of it, in Unix milliseconds. @throws naming the option */
export function readDay(option: string, text: string | undefined): number {
  const ms = DAY.test(text ?? "") ? Date.parse(text!) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new Error(`${option}: expected a day like 2026-01-31, got "${text ?? ""}"`);
}

/** `YYYY-MM-DD` of every day from one to before the other. */
export function daysBetween(fromMs: number, toMs: number): string[] {
  const count = Math.max(0, Math.ceil((toMs - fromMs) / DAY_MS));
  return Array.from({ length: count }, (_, day) =>
    new Date(fromMs + day * DAY_MS).toISOString().slice(0, 10),
  );
}
