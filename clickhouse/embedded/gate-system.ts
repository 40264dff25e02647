/**
 * Which of the engine's own tables a reader may ask: those that say what there is and how large it is.
 *
 * The engine grants every user all of `system`, whatever the configuration says; so the names are looked for in the
 * statement. Everything else outside `assay` it refuses itself, by the role that a reader's session has (engine-users.ts).
 */
import { denied } from "./denied.ts";
import { nameOf } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";

export const SAFE_SYSTEM_TABLES = [
  "aggregate_function_combinators",
  "build_options",
  "collations",
  "columns",
  "constraints",
  "contributors",
  "current_roles",
  "data_skipping_indices",
  "data_type_families",
  "databases",
  "documentation",
  "enabled_roles",
  "events",
  "formats",
  "functions",
  "keywords",
  "licenses",
  "merge_tree_settings",
  "merges",
  "metrics",
  "mutations",
  "numbers",
  "numbers_mt",
  "one",
  "parts",
  "parts_columns",
  "primes",
  "projections",
  "settings",
  "table_engines",
  "table_functions",
  "tables",
  "time_zones",
  "tokenizers",
  "unicode",
  "view_refreshes",
  "zeros",
  "zeros_mt",
] as const;

const safe: ReadonlySet<string> = new Set(SAFE_SYSTEM_TABLES);

/** `system.name`, wherever it stands: after FROM, after IN, as an argument. */
export function checkSystemTables(words: readonly Token[]): void {
  for (const [i, word] of words.entries()) {
    if (nameOf(word)?.toLowerCase() !== "system" || words[i + 1]?.text !== ".") continue;
    const table = words[i + 2] && nameOf(words[i + 2]!);
    if (table === undefined || !safe.has(table))
      throw denied("reader", `table system.${table ?? words[i + 2]?.text ?? ""}`);
  }
}

/** A parameter that is a name must not be the way around, nor a database in which unqualified names are the engine's. */
export function checkNames(
  text: string,
  parameters: ReadonlyMap<string, string>,
  database: string | undefined,
): void {
  if (database?.trim().toLowerCase() === "system")
    throw denied("reader", 'current database "system" (write system.tables)');
  for (const [, name] of text.matchAll(/\{\s*(\w+)\s*:\s*Identifier\s*\}/gi)) {
    if (/\bsystem\b/i.test(parameters.get(name!) ?? ""))
      throw denied("reader", `identifier {${name}} that names system`);
  }
}
