/**
 * What a client may run. An allow-list of statements and of table functions, over the statement as the engine's
 * own parser printed it (statement.ts): comments, case, quoting and nesting are gone by then, and what was
 * checked is what runs.
 *
 * Why it exists: the engine runs inside our process with our rights. A reader's session has a role of the engine that
 * sees `assay` alone (engine-users.ts), and `readonly`; neither stops INTO OUTFILE, the scalar function file(), reading `system`
 * or KILL QUERY, and neither user_files_path nor grants confine file() to a folder.
 *
 * The reader asks; the writer also defines tables and writes. Neither reaches a file, another host or a program.
 */
import { type Role, denied } from "./denied.ts";
import { queryError } from "./errors.ts";
import { checkFunctions, checkTableFunctions } from "./gate-functions.ts";
import { checkClauseSettings } from "./gate-settings.ts";
import { checkSystemTables } from "./gate-system.ts";
import { isWord, nameOf, tokens } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";

/** Roots of the syntax tree (as EXPLAIN AST names them) that answer with rows and change nothing. */
const asking =
  /^(SelectWithUnionQuery|SelectQuery|SelectIntersectExceptQuery|Explain|DescribeQuery|Exists\w*Query|ShowCreate\w*Query|Show(Tables|Functions|Columns|Indexes|Engines|Processlist|ProcesslistQuery|Setting|SettingQuery|EngineQuery|ColumnsQuery|IndexesQuery|TablesQuery|FunctionsQuery|EnginesQuery))$/;

/** Of those, what shows other people's queries. */
const writersAsking = /^ShowProcesslist/;

const changing =
  /^(InsertQuery|CreateQuery|AttachQuery|DropQuery|DetachQuery|UndropQuery|TruncateQuery|AlterQuery|Rename|OptimizeQuery|DeleteQuery|UpdateQuery|CheckQuery|KillQueryQuery|SYSTEM|Set|UseQuery)$/;

const tableEngines =
  /^((Replacing|Summing|Aggregating|Collapsing|VersionedCollapsing|CoalescingMergeTree|Graphite)?MergeTree|Coalescing(MergeTree)?|Null|Memory|Log|TinyLog|StripeLog|Join|Set|Buffer|Merge|Atomic)$/;

const dictionarySources = new Set(["CLICKHOUSE", "NULL"]);
const systemCommands = new Set([
  "FLUSH",
  "START",
  "STOP",
  "DROP",
  "CLEAR",
  "WAIT",
  "SYNC",
  "RELOAD",
  "REFRESH",
]);

export interface GatedStatement {
  sql: string;
  root: string;
  /** Names that the syntax tree has as table functions. */
  tableFunctions: readonly string[];
  /** INSERT's own data, if it has some, comes apart from the text. */
  hasData: boolean;
}

export function isAsking(root: string): boolean {
  return asking.test(root);
}

/** @throws QueryError naming what is refused. `engineTableFunctions`: lower-case names that the engine knows. */
export function checkStatement(
  statement: GatedStatement,
  role: Role,
  engineTableFunctions: ReadonlySet<string>,
): void {
  const { root } = statement;
  if (!asking.test(root)) {
    if (role === "reader") {
      throw queryError(
        164,
        `reader: Cannot execute query in readonly mode: ${root} is not a SELECT, EXPLAIN, SHOW, DESCRIBE or EXISTS`,
      );
    }
    if (!changing.test(root)) throw denied(role, `statement "${root}"`);
  }
  if (role === "reader" && writersAsking.test(root)) throw denied(role, "SHOW PROCESSLIST");
  const words = [...tokens(statement.sql)];
  checkFunctions(words, role, engineTableFunctions);
  checkTableFunctions(words, statement.tableFunctions, role, engineTableFunctions);
  checkClauses(words, role);
  checkClauseSettings(words, role);
  if (role === "reader") checkSystemTables(words);
  if (root === "SYSTEM" && !systemCommands.has(words[1]?.text.toUpperCase() ?? "")) {
    throw denied(role, `SYSTEM ${words[1]?.text ?? ""}`);
  }
  if (
    root === "AttachQuery" &&
    words.some((word, i) => isWord(word, "FROM") && words[i + 1]?.kind === "string")
  ) {
    throw denied(role, "ATTACH … FROM a folder");
  }
  if (root === "KillQueryQuery" && !isWord(words.at(-1), "ASYNC")) {
    throw queryError(
      48,
      "KILL QUERY needs ASYNC at its end: waiting for it can hang the embedded engine",
    );
  }
  if (
    root === "InsertQuery" &&
    !statement.hasData &&
    !words.some((w) => isWord(w, "SELECT", "WITH"))
  ) {
    throw queryError(62, "Syntax error: expected data after INSERT … FORMAT, got none");
  }
}

function checkClauses(words: readonly Token[], role: Role): void {
  for (let i = 0; i + 1 < words.length; i++) {
    const [word, next] = [words[i]!, words[i + 1]!];
    if (isWord(word, "INTO") && isWord(next, "OUTFILE")) throw denied(role, "INTO OUTFILE");
    if (isWord(word, "FROM") && isWord(next, "INFILE")) throw denied(role, "FROM INFILE");
    if (isWord(word, "ENGINE") && next.text === "=") {
      // With a text on the right it is a condition on a column: an engine's name is never quoted like that.
      const engine = words[i + 2]!;
      if (engine.kind !== "string" && !tableEngines.test(nameOf(engine) ?? ""))
        throw denied(role, `engine "${engine.text}"`);
    }
    if (
      isWord(word, "SOURCE") &&
      next.text === "(" &&
      !dictionarySources.has(words[i + 2]?.text.toUpperCase() ?? "")
    )
      throw denied(role, `dictionary source "${words[i + 2]?.text ?? ""}"`);
    if (isWord(word, "DISK") && next.text === "=" && isWord(words[i + 2], "DISK"))
      throw denied(role, "setting disk");
  }
}
