/**
 * Telling searches with pgvector from all other SQL, and reading from the statement what is searched and how much of it.
 *
 * Some of pgvector's operators have another meaning in other extensions: `<->` and `<#>` are distances of geometry
 * (PostGIS, cube) and of text (pg_trgm) as well. They count when an operand shows that it is a vector: a literal or a
 * parameter that is written like one, a cast, or a column that is named for it.
 */
import { count, list } from "../untyped.ts";
import { outlineOf, withoutNumbers } from "./sql-outline.ts";

export interface VectorSearch {
  /** The table. */
  source: string;
  topK: number | undefined;
  /** The statement with `?` for every literal. */
  withoutLiterals(): string;
}

/** What is known from the statement alone. */
interface SearchStatement {
  outline: string;
  source: string;
  /** Of LIMIT: `10`, `$2`. */
  limit: string | undefined;
  /** It is a search only if a parameter is a vector. */
  ambiguous: boolean;
}

const MAY_SEARCH = /<[-=#+~%]>|_distance\s*\(|inner_product\s*\(/i;
const READS = /^[\s(]*(?:select|with|--|\/\*)/i;

const CACHE_SIZE = 256;
const CACHED_LENGTH = 4_096;
const known = new Map<string, SearchStatement | undefined>();

/** Fast, and wrong only towards yes. */
export function maySearch(sql: string): boolean {
  return READS.test(sql) && MAY_SEARCH.test(sql);
}

/** undefined: it is no search. */
export function vectorSearchOf(sql: string, values: unknown): VectorSearch | undefined {
  const statement = statementOf(sql);
  if (!statement || (statement.ambiguous && !list(values).some(isVector))) return undefined;
  return {
    source: statement.source,
    topK: limitOf(statement.limit, list(values)),
    withoutLiterals: () => withoutNumbers(statement.outline).replace(/\s+/g, " ").trim(),
  };
}

function statementOf(sql: string): SearchStatement | undefined {
  if (sql.length > CACHED_LENGTH) return readStatement(sql);
  if (!known.has(sql)) {
    const oldest = known.keys().next();
    if (known.size >= CACHE_SIZE && !oldest.done) known.delete(oldest.value);
    known.set(sql, readStatement(sql));
  }
  return known.get(sql);
}

/** A pair of parentheses: a subquery, an expression, or the whole statement. */
interface Group {
  outer: Group | undefined;
  source?: string;
  limit?: string;
}

const NAME = String.raw`(?:"[^"]*"|[\w$]+)`;
/** Whatever a name in quotes holds is a name. */
const NAMED = String.raw`"[^"]*"`;
const PART = new RegExp(
  [
    String.raw`[()]`,
    NAMED,
    String.raw`\bfrom\s+(?:only\s+)?(?<source>${NAME}(?:\s*\.\s*${NAME})*)`,
    String.raw`\blimit\s+(?<limit>\$?\d+)`,
    String.raw`\bfetch\s+(?:first|next)\s+(?<first>\$?\d+)`,
    // An operator ends where no further operator character follows: <<-> and <->> are others.
    String.raw`(?<![-+*/<>=~!@#%^&|])<(?<operator>[-=#+~%])>(?![-+*/<>=~!@#%^&|])`,
    String.raw`\b(?<call>(?:l1|l2|cosine|hamming|jaccard)_distance|inner_product)\s*(?=\()`,
  ].join("|"),
  "gi",
);

function readStatement(sql: string): SearchStatement | undefined {
  const { text: outline, hasVectorLiteral } = outlineOf(sql);
  let group: Group = { outer: undefined };
  let found: { group: Group; ambiguous: boolean } | undefined;
  for (const { 0: part, index, groups } of outline.matchAll(PART)) {
    if (part === "(") group = { outer: group };
    else if (part === ")") group = group.outer ?? group;
    else if (part.startsWith('"')) continue;
    else if (groups?.["source"]) group.source ??= withoutQuotes(groups["source"]);
    else if (groups?.["operator"] || groups?.["call"])
      found ??= { group, ambiguous: isAmbiguous(outline, index, groups["operator"]) };
    else group.limit ??= groups?.["limit"] ?? groups?.["first"] ?? "";
  }
  if (!found) return undefined;
  return {
    outline,
    source: nearest(found.group, "source") ?? "postgresql",
    limit: nearest(found.group, "limit"),
    ambiguous: found.ambiguous && !hasVectorLiteral,
  };
}

/** The clause that the distance belongs to: of its own SELECT, else of the one around it. */
function nearest(from: Group, clause: "source" | "limit"): string | undefined {
  for (let group: Group | undefined = from; group; group = group.outer)
    if (group[clause] !== undefined) return group[clause];
  return undefined;
}

/** Operands are short: a column, a parameter, a cast. */
const OPERAND_LENGTH = 80;

function isAmbiguous(outline: string, at: number, operator: string | undefined): boolean {
  if (operator !== "-" && operator !== "#") return false;
  const operands = outline.slice(Math.max(0, at - OPERAND_LENGTH), at + OPERAND_LENGTH);
  return !/::\s*(?:\w+\.)?(?:vector|halfvec|sparsevec)\b|embedding|vec/i.test(operands);
}

/** As pgvector's own `toSql` writes them: `[1,2]`, and sparse `{1:0.5}/3`. */
function isVector(value: unknown): boolean {
  if (typeof value === "string") return /^\s*\[\s*-?[\d.]|^\s*\{\s*\d+\s*:/.test(value);
  return ArrayBuffer.isView(value) || (Array.isArray(value) && typeof value[0] === "number");
}

function limitOf(limit: string | undefined, values: readonly unknown[]): number | undefined {
  if (!limit) return undefined;
  const value = limit.startsWith("$") ? values[Number(limit.slice(1)) - 1] : limit;
  return count(typeof value === "string" ? Number(value) : value);
}

function withoutQuotes(name: string): string {
  return name.replace(/["\s]/g, "");
}
