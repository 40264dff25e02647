/**
 * What a client may run. An allow-list of statements and of table functions, over the statement as the engine's
 * own parser printed it (statement.ts): comments, case, quoting and nesting are gone by then, and what was
 * checked is what runs.
 *
 * Why it exists: the engine runs inside our process with our rights, `readonly=1` stops neither INTO OUTFILE nor
 * the scalar function file(), and neither user_files_path nor grants confine file() to a folder.
 *
 * The reader asks; the writer also defines tables and writes. Neither reaches a file, another host or a program.
 */
import { queryError } from "./errors.ts";
import { isWord, nameOf, tokens } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";

export type Role = "writer" | "reader";

/** Roots of the syntax tree (as EXPLAIN AST names them) that answer with rows and change nothing. */
const asking =
  /^(SelectWithUnionQuery|SelectQuery|SelectIntersectExceptQuery|Explain|DescribeQuery|Exists\w*Query|ShowCreate\w*Query|Show(Tables|Functions|Columns|Indexes|Engines|Processlist|ProcesslistQuery|Setting|SettingQuery|EngineQuery|ColumnsQuery|IndexesQuery|TablesQuery|FunctionsQuery|EnginesQuery))$/;

const changing =
  /^(InsertQuery|CreateQuery|AttachQuery|DropQuery|DetachQuery|UndropQuery|TruncateQuery|AlterQuery|Rename|OptimizeQuery|DeleteQuery|UpdateQuery|CheckQuery|KillQueryQuery|SYSTEM|Set|UseQuery)$/;

/** Table functions that make rows up or read our own tables. */
const tableFunctions = new Set(
  [
    "numbers numbers_mt zeros zeros_mt primes generateSeries generate_series generateRandom values null view",
    "viewExplain viewIfPermitted merge loop mergeTreeIndex mergeTreeProjection mergeTreeTextIndex",
    "mergeTreeAnalyzeIndexes mergeTreeAnalyzeIndexesUUID",
    "format", // the table function parses its own argument; readonly refuses it, and format() formats text
  ].flatMap((line) => line.toLowerCase().split(" ")),
);

/** Functions that read files, reach other hosts, run models or only waste time. */
const refusedFunctions = new Set(
  ["file", "catboostEvaluate", "hasColumnInTable", "sleep", "sleepEachRow", "input"].map((name) =>
    name.toLowerCase(),
  ),
);

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

/** Settings that change how a statement is parsed or what the server does with files and hosts. */
const refusedSettings =
  /^(dialect|polyglot.*|allow_experimental_(kusto|prql|eval|polyglot)\w*|implicit_\w+|.*_schema_inference.*file|user_files_path|format_schema.*|readonly|log_comment|profile|http_\w+_headers?)$/i;

/** What a reader may set; anything else would lift a limit or is of no use to it. */
const readerSettings =
  /^(output_format_\w+|input_format_\w+|format_csv_\w+|format_tsv_\w+|date_time_output_format|session_timezone|max_execution_time|timeout_overflow_mode|max_result_rows|max_result_bytes|result_overflow_mode|max_rows_to_read|max_bytes_to_read|read_overflow_mode|max_block_size|max_threads|limit|offset|extremes|join_use_nulls|additional_table_filters|additional_result_filter|final|query_plan_\w+|optimize_\w+|use_index\w*|use_skip_indexes\w*|prefer_column_name_to_alias|group_by_use_nulls|allow_experimental_analyzer|enable_analyzer|send_progress_in_http_headers|http_headers_progress_interval_ms|cancel_http_readonly_queries_on_client_close|wait_end_of_query|max_memory_usage|log_queries|async_insert|wait_for_async_insert)$/i;

export interface GatedStatement {
  sql: string;
  root: string;
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
  const words = [...tokens(statement.sql)];
  checkCalls(words, role, engineTableFunctions);
  checkClauses(words, role);
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

function denied(role: Role, what: string): Error {
  return queryError(
    497,
    `${role}: Not enough privileges: ${what} is not available in the embedded engine`,
  );
}

/** Every `name(` of the statement: functions, table functions, engines, dictionary sources. */
function checkCalls(
  words: readonly Token[],
  role: Role,
  engineTableFunctions: ReadonlySet<string>,
): void {
  for (let i = 0; i + 1 < words.length; i++) {
    if (words[i + 1]!.text !== "(") continue;
    const name = nameOf(words[i]!);
    if (name === undefined) continue;
    const lower = name.toLowerCase();
    const outside = engineTableFunctions.has(lower) && !tableFunctions.has(lower);
    if (outside || refusedFunctions.has(lower)) throw denied(role, `function "${name}"`);
    if (lower.startsWith("ai")) throw denied(role, `function "${name}"`); // aiGenerate and its like call models
    if (
      isWord(words[i], "SOURCE") &&
      !dictionarySources.has(words[i + 2]?.text.toUpperCase() ?? "")
    ) {
      throw denied(role, `dictionary source "${words[i + 2]?.text ?? ""}"`);
    }
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
    if (isWord(word, "DISK") && next.text === "=" && isWord(words[i + 2], "DISK"))
      throw denied(role, "setting disk");
  }
}

/** Settings that a reader's statement may carry itself; limits are not among them. */
const readerClauseSettings =
  /^(additional_table_filters|additional_result_filter|final|join_use_nulls|session_timezone|output_format_\w+)$/i;

/**
 * The `readonly` of a reader's session: 1, unless the statement has SETTINGS and all of them are harmless. Then 2,
 * which lets it have them, and file() and url() too if the gate had not refused those already.
 */
export function readOnlyLevel(sql: string): 1 | 2 {
  const names = clauseSettings([...tokens(sql)]);
  return names.length > 0 && names.every((name) => readerClauseSettings.test(name)) ? 2 : 1;
}

/** Names in every SETTINGS clause, at any depth: `SETTINGS a = 1, b = {…}`. */
function clauseSettings(words: readonly Token[]): string[] {
  const names: string[] = [];
  for (let i = 0; i < words.length; i++) {
    if (!isWord(words[i], "SETTINGS") || words[i + 2]?.text !== "=") continue;
    const { depth } = words[i]!;
    names.push(words[i + 1]!.text);
    for (let j = i + 3; j < words.length && words[j]!.depth >= depth; j++) {
      if (words[j]!.text !== "," || words[j]!.depth !== depth) continue;
      if (words[j + 2]?.text === "=") names.push(words[j + 1]!.text);
    }
  }
  return names;
}

/** Settings of the URL that the role may set. @throws QueryError READONLY or UNKNOWN_SETTING */
export function checkSetting(name: string, role: Role): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw queryError(
      115,
      `Setting "${name}" is neither a builtin setting nor started with the prefix 'SQL_'`,
    );
  if (role === "reader" ? readerSettings.test(name) : !refusedSettings.test(name)) return;
  throw queryError(164, `Cannot modify '${name}' setting in readonly mode`);
}
