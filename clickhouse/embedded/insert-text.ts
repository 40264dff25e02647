/**
 * Where the data of an INSERT begins.
 *
 * `INSERT INTO t (a, b) FORMAT JSONEachRow {"a":1}`: the head ends after the format's name and one line break;
 * after VALUES it ends at once. An INSERT of a SELECT, or one that is not there yet in full, has no data part.
 */
import { isWord, tokens } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";

export interface InsertHead {
  /** Up to and with `FORMAT name` or `VALUES`. */
  head: string;
  /** Offset of the first character of the data. */
  dataAt: number;
}

/** Does the text begin as an INSERT does? */
export function beginsInsert(sql: string): boolean {
  for (const token of tokens(sql)) return isWord(token, "INSERT");
  return false;
}

/** Undefined: not an INSERT with data, or the text ends before that can be said. */
export function insertHead(sql: string): InsertHead | undefined {
  let previous: Token | undefined;
  let keyword: Token | undefined; // the token before, unless it is part of the table's name: `db.format`
  let named = false; // the name came already: a table may be called "values"
  let seen = 0;
  for (const token of tokens(sql)) {
    if (seen === 0 && !isWord(token, "INSERT")) return undefined;
    seen++;
    if (token.depth > 0) continue;
    const continuesName = previous?.text === ".";
    if (named && !continuesName) {
      if (isWord(token, "SELECT", "WITH", "WATCH", "FROM")) return undefined;
      if (isWord(keyword, "FORMAT") && token.kind !== "punctuation") return endOfFormat(sql, token);
      if (isWord(token, "VALUES")) return { head: sql.slice(0, token.end), dataAt: token.end };
    }
    keyword = named && !continuesName ? token : undefined;
    if (!named && seen > 1) named = isTableName(token, previous);
    previous = token;
  }
  return undefined;
}

/** INSERT [INTO] [TABLE] [FUNCTION] name: the name is the first word that is none of those. */
function isTableName(token: Token, previous: Token | undefined): boolean {
  if (token.kind === "quoted") return true;
  if (token.kind !== "word") return false;
  if (isWord(previous, "FUNCTION")) return true;
  return !isWord(token, "TABLE", "FUNCTION", "INTO");
}

function endOfFormat(sql: string, format: Token): InsertHead {
  const gap = /^[ \t\r\f\v]*(?:;[ \t\r\f\v]*)?\n?/.exec(sql.slice(format.end, format.end + 256));
  return { head: sql.slice(0, format.end), dataAt: format.end + (gap?.[0].length ?? 0) };
}
