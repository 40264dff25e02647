/** Which settings each role may set, in the URL and in the statement itself. */
import { type Role, denied } from "./denied.ts";
import { queryError } from "./errors.ts";
import { FILTER_SETTINGS, checkFilterSetting, checkFilterTokens } from "./gate-filters.ts";
import { isWord, tokens } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";

/** They change how a statement is parsed or what the server does with files and hosts. */
const refusedSettings =
  /^(dialect|polyglot.*|allow_experimental_(kusto|prql|eval|polyglot)\w*|implicit_\w+|.*_schema_inference.*file|user_files_path|format_schema.*|output_format_schema|format_template_\w+|format_avro_schema_registry_url|\w+_file_path|\w+_file_name|readonly|log_comment|profile|http_\w+_headers?)$/i;

/** What a reader may set; anything else would lift a limit or is of no use to it. */
const readerSettings =
  /^(output_format_\w+|input_format_\w+|format_csv_\w+|format_tsv_\w+|date_time_output_format|session_timezone|max_execution_time|timeout_overflow_mode|max_result_rows|max_result_bytes|result_overflow_mode|max_rows_to_read|max_bytes_to_read|read_overflow_mode|max_block_size|max_threads|limit|offset|extremes|join_use_nulls|additional_table_filters|additional_result_filter|final|query_plan_\w+|optimize_\w+|use_index\w*|use_skip_indexes\w*|prefer_column_name_to_alias|group_by_use_nulls|allow_experimental_analyzer|enable_analyzer|send_progress_in_http_headers|http_headers_progress_interval_ms|cancel_http_readonly_queries_on_client_close|wait_end_of_query|max_memory_usage|log_queries|async_insert|wait_for_async_insert)$/i;

/** What a reader's statement may carry itself; limits are not among them. */
const readerClauseSettings =
  /^(additional_table_filters|additional_result_filter|final|join_use_nulls|session_timezone|output_format_\w+)$/i;

/** A setting of the URL. @throws QueryError READONLY, UNKNOWN_SETTING or ACCESS_DENIED */
export function checkSetting(name: string, value: string, role: Role): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw queryError(
      115,
      `Setting "${name}" is neither a builtin setting nor started with the prefix 'SQL_'`,
    );
  const allowed = !refusedSettings.test(name) && (role === "writer" || readerSettings.test(name));
  if (!allowed) throw queryError(164, `Cannot modify '${name}' setting in readonly mode`);
  if (role === "reader" && FILTER_SETTINGS.has(name.toLowerCase())) checkFilterSetting(name, value);
}

/** The SETTINGS clauses of a statement, at any depth. */
export function checkClauseSettings(words: readonly Token[], role: Role): void {
  for (const { name, value } of clauseSettings(words)) {
    if (refusedSettings.test(name)) throw denied(role, `setting ${name}`);
    if (role === "reader" && FILTER_SETTINGS.has(name.toLowerCase())) checkFilterTokens(value);
  }
}

/**
 * The `readonly` of a reader's session: 1, unless the statement has SETTINGS and all of them are harmless. Then 2,
 * which lets it have them, and format() as a table too if the gate had not refused that already.
 */
export function readOnlyLevel(sql: string): 1 | 2 {
  const names = clauseSettings([...tokens(sql)]).map(({ name }) => name);
  return names.length > 0 && names.every((name) => readerClauseSettings.test(name)) ? 2 : 1;
}

interface ClauseSetting {
  name: string;
  value: Token[];
}

/** `SETTINGS a = 1, b = {…}` */
function clauseSettings(words: readonly Token[]): ClauseSetting[] {
  const found: ClauseSetting[] = [];
  for (let i = 0; i < words.length; i++) {
    if (!isWord(words[i], "SETTINGS") || words[i + 2]?.text !== "=") continue;
    const { depth } = words[i]!;
    for (let at = i + 1; words[at + 1]?.text === "=";) {
      const end = valueEnd(words, at + 2, depth);
      found.push({ name: words[at]!.text, value: words.slice(at + 2, end) });
      if (words[end]?.text !== ",") break;
      at = end + 1;
    }
  }
  return found;
}

/** Where a value is over: at the next comma or word of its own depth, or with the brackets around the clause. */
function valueEnd(words: readonly Token[], from: number, depth: number): number {
  let at = from + 1; // a value has at least one token
  while (at < words.length && words[at]!.depth >= depth) {
    const { depth: mine, text, kind } = words[at]!;
    const outside = mine === depth && (text === "," || text === ")" || kind === "word");
    if (outside) break;
    at++;
  }
  return at;
}
