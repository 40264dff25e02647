/**
 * A statement as the engine's own parser sees it.
 *
 * formatQuerySingleLine() refuses several statements at once and prints one in canonical form: without comments,
 * keywords in upper case, no inline data. That text is what the gate checks and what runs. EXPLAIN AST then names
 * the kind of statement, and the output format it asks for.
 */
import { decode } from "./engine.ts";
import type { EngineSession } from "./engine.ts";
import { queryError } from "./errors.ts";
import { isWord, nameOf, sqlString, tokens } from "./sql-lexer.ts";

export interface Statement {
  /** Canonical text. */
  sql: string;
  /** First word of the syntax tree's root, as "SelectWithUnionQuery". */
  root: string;
  /** Names in the tree that stand where a table does. */
  tableFunctions: readonly string[];
  /** The format that the statement names, if any. */
  format: string | undefined;
  /** Where INTO OUTFILE belongs: before FORMAT, else at the end. */
  outputAt: number;
}

export interface StatementReader {
  /**
   * `session` carries the query's parameters.
   * @param signal of the query: what the engine says while it stops one may be cut short, and is neither used nor remembered
   * @throws QueryError when it does not parse, or was cancelled
   */
  read(session: EngineSession, text: string, signal: AbortSignal): Promise<Statement>;
}

/** Remembers the last `capacity` statements: the query API sends the same text with other parameters. */
export function createStatementReader(capacity = 500): StatementReader {
  const known = new Map<string, Statement>();
  return {
    async read(session, text, signal) {
      const hit = known.get(text);
      if (hit) return hit;
      const statement = await readStatement(session, text);
      if (signal.aborted || statement.root === "")
        throw queryError(394, "Query was cancelled before it began");
      // A parameter that is a name changes the tree with its value; long texts are not worth the memory.
      if (text.length > 20_000 || /:\s*Identifier\s*\}/i.test(text)) return statement;
      if (known.size >= capacity) known.delete(known.keys().next().value!);
      known.set(text, statement);
      return statement;
    },
  };
}

async function readStatement(session: EngineSession, text: string): Promise<Statement> {
  const sql = await canonicalText(session, text);
  const tree = decode((await session.run(`EXPLAIN AST ${sql}`)).bytes).split("\n");
  const root = /^\w*/.exec(tree[0] ?? "")![0];
  const children = tree.filter((line) => /^ \S/.test(line));
  const { format, outputAt } = outputClause(sql, children);
  return { sql, root, tableFunctions: tableFunctionsOf(tree), format, outputAt };
}

/** The tree is indented by depth; a `TableExpression` has its table function on the next line. */
function tableFunctionsOf(tree: readonly string[]): string[] {
  return tree.flatMap((line, i) => {
    const name = /^ *Function (\S+)/.exec(line)?.[1];
    return name !== undefined && /^ *TableExpression\b/.test(tree[i - 1] ?? "") ? [name] : [];
  });
}

async function canonicalText(session: EngineSession, text: string): Promise<string> {
  const { bytes } = await session.run(`SELECT formatQuerySingleLine(${sqlString(text)})`);
  const sql = decode(bytes).trim();
  if (sql === "") throw queryError(62, "Syntax error: expected a query, got none");
  return sql;
}

/** The FORMAT clause, if both the text ends in one and the tree has its name among the root's children. */
function outputClause(
  sql: string,
  children: readonly string[],
): { format: string | undefined; outputAt: number } {
  const words = [...tokens(sql)].filter((token) => token.depth === 0);
  for (let i = words.length - 2; i >= 0; i--) {
    const [word, next, after] = [words[i]!, words[i + 1]!, words[i + 2]];
    const name = nameOf(next); // quoted where it is a keyword too: FORMAT `Values`
    if (!isWord(word, "FORMAT") || name === undefined) continue;
    if (after !== undefined && !isWord(after, "SETTINGS")) continue;
    if (children.includes(` Identifier ${name}`)) return { format: name, outputAt: word.start };
  }
  return { format: undefined, outputAt: sql.length };
}
