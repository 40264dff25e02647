/**
 * ClickHouse SQL as tokens, enough to find a clause at the top level of a statement.
 *
 * Nothing here decides what is allowed: statements are checked as the engine's own parser sees them
 * (statement.ts). This only finds where an INSERT's data begins and where a clause has to be put.
 */

export interface Token {
  kind: "word" | "quoted" | "string" | "number" | "punctuation";
  text: string;
  start: number;
  end: number;
  /** How many brackets are open around it. */
  depth: number;
}

const blank = /(?:\s|--[^\n]*|#[ !][^\n]*|\/\*[\s\S]*?\*\/)+/y;
const word = /[A-Za-z_][A-Za-z0-9_$]*/y;
const number = /[0-9][A-Za-z0-9_.]*/y;
const quotedForms: readonly [Token["kind"], RegExp][] = [
  ["string", /'(?:[^'\\]|\\[\s\S]|'')*'/y],
  ["quoted", /`(?:[^`\\]|\\[\s\S]|``)*`/y],
  ["quoted", /"(?:[^"\\]|\\[\s\S]|"")*"/y],
  ["string", /(\$[A-Za-z0-9_]*\$)[\s\S]*?\1/y],
];

function match(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}

function read(sql: string, at: number): [Token["kind"], string] {
  for (const [kind, pattern] of quotedForms) {
    const text = match(pattern, sql, at);
    if (text !== undefined) return [kind, text];
  }
  const name = match(word, sql, at);
  if (name !== undefined) return ["word", name];
  const digits = match(number, sql, at);
  if (digits !== undefined) return ["number", digits];
  return ["punctuation", sql[at]!];
}

/** Tokens of `sql` from `from`, comments and blanks left out. Never throws: what it does not know is punctuation. */
export function* tokens(sql: string, from = 0): Generator<Token, void, undefined> {
  let depth = 0;
  for (let at = from; at < sql.length;) {
    const skipped = match(blank, sql, at);
    if (skipped !== undefined) {
      at += skipped.length;
      continue;
    }
    const [kind, text] = read(sql, at);
    if (kind === "punctuation" && ")]}".includes(text)) depth = Math.max(0, depth - 1);
    yield { kind, text, start: at, end: at + text.length, depth };
    if (kind === "punctuation" && "([{".includes(text)) depth++;
    at += text.length;
  }
}

/** Is it this keyword, in any case? Quoted names are never keywords. */
export function isWord(token: Token | undefined, ...words: string[]): boolean {
  return token?.kind === "word" && words.includes(token.text.toUpperCase());
}

/** The name that a word or a quoted name stands for. */
export function nameOf(token: Token): string | undefined {
  if (token.kind === "word") return token.text;
  return token.kind === "quoted" ? token.text.slice(1, -1) : undefined;
}

/** `'…'` with everything escaped that ends or bends a literal. */
export function sqlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** A name between back-quotes. */
export function sqlName(text: string): string {
  return `\`${text.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}
