/**
 * Filters that come as the text of a setting: `additional_table_filters = {'assay.spans': 'model = \'x\''}`, as Grafana's ad hoc
 * filters do. The engine evaluates them as expressions, file() included, and no syntax tree shows them.
 *
 * So a reader's filter is held to a small language: comparisons of columns with values, and a few functions of text and
 * time. No subquery, no other table, no name that is a function elsewhere.
 */
import { denied } from "./denied.ts";
import { isWord, nameOf, tokens } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";

export const FILTER_SETTINGS: ReadonlySet<string> = new Set([
  "additional_table_filters",
  "additional_result_filter",
]);

const callable = new Set(
  "in and or not like ilike between lower upper has startswith endswith match position empty notempty isnull isnotnull todate todatetime todatetime64 tostring tofloat64 toint64 mapcontains".split(
    " ",
  ),
);

/** `{'table': 'filter', …}`, nothing else. */
const filterMap = /^\{\s*(?:'(?:[^'\\]|\\['\\])*'\s*:\s*'(?:[^'\\]|\\['\\])*'\s*,?\s*)*\}$/;
const quotedText = /'(?:[^'\\]|\\['\\])*'/g;

/** The setting as it came in a URL. */
export function checkFilterSetting(name: string, value: string): void {
  if (name.toLowerCase() === "additional_result_filter") return checkFilter(value);
  if (!filterMap.test(value)) throw unreadable(value);
  for (const [text] of value.matchAll(quotedText)) checkFilter(unquoted(text));
}

/** The setting's value in a statement: the tokens from `=` to the next setting. */
export function checkFilterTokens(words: readonly Token[]): void {
  for (const word of words) {
    if (word.kind === "string") checkFilter(unquoted(word.text));
    else if (word.kind !== "punctuation") throw unreadable(word.text);
  }
}

function unquoted(text: string): string {
  const inner = text.slice(1, -1);
  if (!text.startsWith("'") || /\\[^'\\]/.test(inner)) throw unreadable(text);
  return inner.replaceAll(/\\(['\\])/g, "$1").replaceAll("''", "'");
}

function checkFilter(text: string): void {
  if (/--|\/\*|#/.test(text.replaceAll(quotedText, "''"))) throw unreadable(text);
  const words = [...tokens(text)];
  for (const [i, word] of words.entries()) {
    const name = nameOf(word)?.toLowerCase();
    const next = words[i + 1];
    const readable =
      word.kind === "punctuation"
        ? /^[-+*/%=<>!.,()[\]]$/.test(word.text)
        : !/[^\x20-\x7e]/.test(word.text) || word.kind === "string";
    if (!readable || word.text.startsWith("$")) throw unreadable(text);
    if (isWord(word, "SELECT", "WITH", "SETTINGS", "FORMAT", "UNION", "FROM", "INTO"))
      throw unreadable(text);
    if (isWord(word, "IN")) checkList(words, i + 1, text);
    else if (name !== undefined && next?.text === "(" && !callable.has(name))
      throw denied("reader", `function "${name}" in a filter`);
  }
}

/** `IN (1, 'a')`: a name there could be a table. */
function checkList(words: readonly Token[], at: number, text: string): void {
  if (words[at]?.text !== "(") throw unreadable(text);
  const { depth } = words[at]!;
  for (let i = at + 1; i < words.length && words[i]!.depth > depth; i++) {
    const { kind, text: word } = words[i]!;
    if (kind !== "string" && kind !== "number" && word !== "," && word !== "-")
      throw unreadable(text);
  }
}

function unreadable(text: string): Error {
  return denied(
    "reader",
    `filter ${text.slice(0, 200)} (expected comparisons of columns with values)`,
  );
}
