/**
 * The outline of an SQL statement as PostgreSQL reads it: literals and comments are gone, so that what looks like an
 * operator, a keyword or a parenthesis is one. Linear, and fast over long literals: an embedding written into a
 * statement is 20 KB of one.
 */
export interface SqlOutline {
  /** The statement with `?` for each text literal and nothing for comments; numbers stay. */
  text: string;
  /** A text literal begins like a vector: `'[0.1,…`. */
  hasVectorLiteral: boolean;
}

/** What begins a comment, a literal or a quoted name. */
const OPENING = /--|\/\*|(?:\b[eE])?'|"|\$(?:[A-Za-z_]\w*)?\$/g;
const ESCAPED_LITERAL = /[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*/y;

export function outlineOf(sql: string): SqlOutline {
  const kept: string[] = [];
  let hasVectorLiteral = false;
  let from = 0;
  OPENING.lastIndex = 0;
  for (let match = OPENING.exec(sql); match; match = OPENING.exec(sql)) {
    const opening = match[0];
    const inside = OPENING.lastIndex;
    const end = endOf(sql, opening, inside);
    kept.push(sql.slice(from, match.index));
    if (opening === '"') kept.push(sql.slice(match.index, end));
    else if (opening === "--" || opening === "/*") kept.push(" ");
    else {
      kept.push("?");
      hasVectorLiteral ||= sql[inside] === "[";
    }
    from = end;
    OPENING.lastIndex = end;
  }
  kept.push(sql.slice(from));
  return { text: kept.join(""), hasVectorLiteral };
}

/** Numbers are literals too, when what is left is shown; parameters ($1) and names that hold digits are not. */
export function withoutNumbers(outline: string): string {
  return outline.replace(/(?<![\w$])\d[\w.]*/g, "?");
}

function endOf(sql: string, opening: string, inside: number): number {
  if (opening === "--") return orEnd(sql, sql.indexOf("\n", inside));
  if (opening === "/*") return orEnd(sql, sql.indexOf("*/", inside), 2);
  if (opening === "'" || opening === '"') return endOfQuoted(sql, opening, inside);
  if (opening.startsWith("$")) return orEnd(sql, sql.indexOf(opening, inside), opening.length);
  ESCAPED_LITERAL.lastIndex = inside;
  ESCAPED_LITERAL.exec(sql);
  return Math.min(ESCAPED_LITERAL.lastIndex + 1, sql.length);
}

/** A quote within is written twice. */
function endOfQuoted(sql: string, quote: string, inside: number): number {
  let at = sql.indexOf(quote, inside);
  while (at >= 0 && sql[at + 1] === quote) at = sql.indexOf(quote, at + 2);
  return orEnd(sql, at, 1);
}

function orEnd(sql: string, at: number, length = 0): number {
  return at < 0 ? sql.length : at + length;
}
