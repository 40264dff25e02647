/**
 * Functions and table functions that a statement may name.
 *
 * A function is named by a call, and also without one: `arrayMap(file, …)` and `* APPLY file` call it as well. A table function that takes
 * the structure of its rows as text evaluates the expressions in it (`a String ALIAS file('…')`), and that text may be
 * put together while the query is analysed; so of those only `values` is left, with a structure that is written out.
 */
import { type Role, denied } from "./denied.ts";
import { isWord, nameOf } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";

const namesIn = (text: string): ReadonlySet<string> => new Set(text.toLowerCase().split(/\s+/));

/** Make rows up, of numbers and of what is written in the statement. */
const readerTableFunctions = namesIn(
  "numbers numbers_mt zeros zeros_mt primes generateSeries generate_series values view viewExplain",
);

/** Also read our own tables by names that only the engine works out. */
const writerTableFunctions = new Set([
  ...readerTableFunctions,
  ...namesIn(
    "viewIfPermitted merge loop mergeTreeIndex mergeTreeProjection mergeTreeTextIndex mergeTreeAnalyzeIndexes mergeTreeAnalyzeIndexesUUID",
  ),
]);

/** Also the names of ordinary functions: what is meant is told by the syntax tree. */
const ordinaryToo = namesIn("format");

/** They read files or the server's surroundings, reach other hosts, run models, write to the log or only waste time. */
const refused = namesIn(
  `file catboostEvaluate hasColumnInTable sleep sleepEachRow logTrace showCertificate getServerSetting getMacro
  getServerPort tcpPort filesystemAvailable filesystemCapacity filesystemUnreserved getOSKernelVersion FQDN fullHostName hostName hostname
  serverUUID addressToLine addressToLineWithInlines addressToSymbol generateSerialID zookeeperSessionUptime
  aiClassify aiEmbed aiExtract aiGenerate aiTranslate`,
);

function isRefused(lowerName: string): boolean {
  return refused.has(lowerName) || lowerName.startsWith("ai"); // models, also those that a later engine calls
}

/** Every `name(`, and every name that a higher-order function or APPLY would call. */
export function checkFunctions(
  words: readonly Token[],
  role: Role,
  engineTableFunctions: ReadonlySet<string>,
): void {
  for (const [i, word] of words.entries()) {
    const name = nameOf(word)?.toLowerCase();
    if (name === undefined) continue;
    const called = words[i + 1]?.text === "(";
    if (called ? isRefused(name) : refused.has(name) && isCalledByName(words, i))
      throw denied(role, `function "${name}"`);
    const foreign =
      called &&
      engineTableFunctions.has(name) &&
      !writerTableFunctions.has(name) &&
      !ordinaryToo.has(name);
    if (foreign) throw denied(role, `function "${name}"`);
  }
}

/** After APPLY, or an argument of a call itself. `t.file`, `AS file` and a column of a SELECT are names of columns. */
function isCalledByName(words: readonly Token[], at: number): boolean {
  const before = words[at - 1];
  if (isWord(before, "APPLY")) return true;
  if (before?.text === "." || isWord(before, "AS")) return false;
  let open = at - 1;
  while (open >= 0 && words[open]!.depth >= words[at]!.depth) open--;
  while (words[open]?.text === "(" && words[open - 1]?.text === "(") open--; // `arrayMap((file), …)`
  if (words[open]?.text !== "(" || isWord(words[open + 1], "SELECT", "WITH")) return false;
  const caller = words[open - 1];
  return caller !== undefined && nameOf(caller) !== undefined;
}

/** `named`: names that the syntax tree has as table functions. */
export function checkTableFunctions(
  words: readonly Token[],
  named: readonly string[],
  role: Role,
  engineTableFunctions: ReadonlySet<string>,
): void {
  const allowed = role === "reader" ? readerTableFunctions : writerTableFunctions;
  const all = [...named, ...asSets(words, engineTableFunctions)].map((name) => name.toLowerCase());
  const foreign = all.find((name) => !allowed.has(name));
  if (foreign !== undefined) throw denied(role, `table function "${foreign}"`);
  if (all.includes("values")) checkValues(words, role);
}

/** `x IN numbers(3)`, `CREATE TABLE t AS format(…)`. */
function asSets(words: readonly Token[], engineTableFunctions: ReadonlySet<string>): string[] {
  return words.flatMap((word, i) => {
    if (!isWord(word, "IN", "AS")) return [];
    let at = i + 1;
    while (words[at]?.text === "(") at++;
    const name = words[at] && nameOf(words[at]!);
    const called = name !== undefined && words[at + 1]?.text === "(";
    return called && engineTableFunctions.has(name.toLowerCase()) ? [name] : [];
  });
}

/** The first argument may be a structure: one that is written out and has names and types only. */
function checkValues(words: readonly Token[], role: Role): void {
  for (const [i, word] of words.entries()) {
    if (nameOf(word)?.toLowerCase() !== "values" || words[i + 1]?.text !== "(") continue;
    const first = words[i + 2]!;
    const plain = first.kind === "number" || /^[(['-]/.test(first.text) || isWord(first, "NULL");
    const expression = /\b(DEFAULT|MATERIALIZED|ALIAS|EPHEMERAL|CODEC|TTL|COMMENT|STATISTICS)\b/i;
    if (
      !plain ||
      (first.kind === "string" && (expression.test(first.text) || first.text.includes("\\")))
    )
      throw denied(role, `values() with the structure ${first.text.slice(0, 100)}`);
  }
}
