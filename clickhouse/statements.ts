/**
 * Turns a migration file into the statements to run: placeholders filled, text cut at semicolons.
 *
 * The files are written for one server and for a cluster at once. On a cluster every statement runs `ON CLUSTER`, with
 * the replicated engines and their deduplication window.
 */
import { retention, type RetentionDays } from "./retention.ts";

/**
 * Blocks whose tokens a table remembers. It must outlast the time that an insert can be in doubt: collectors × inserts
 * per second × partitions touched by an insert × that time. 100,000 is over a day of one collector that writes one day
 * at a time, and 17 minutes of one that fills a hundred days at once.
 */
const DEDUPLICATION_WINDOW = 100_000;

/** On a cluster each remembered block is a node in Keeper; its own window in seconds would forget after an hour. */
const REPLICATED_WINDOW =
  "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800";

/**
 * Inserts are on disk when they are answered, and a merge's source parts outlive the merged part's way to the disk
 * (the embedded engine would drop them seconds after a merge that nothing has synced).
 */
const FSYNC =
  "fsync_after_insert = 1, fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 480";

/**
 * An insert is one file of data instead of two hundred: creating and syncing them was a fifth of its cost. Merged parts
 * get a file for each column, since their readers want few columns.
 */
const FEW_FILES = "min_bytes_for_wide_part = 1073741824";

/** Ten parts or more at a time: each row is rewritten once per tenfold growth, not once per doubling. */
const WIDE_MERGES = "min_parts_to_merge_at_once = 10, merge_selector_base = 10";

export interface Placeholders {
  /** Name of the cluster; absent: one server. */
  cluster?: string | undefined;
  retentionDays: RetentionDays;
}

/** @throws Error when the text holds a placeholder that nobody knows */
export function fillPlaceholders(sql: string, options: Placeholders): string {
  return sql.replace(/\{\{([^}]*)\}\}/g, (_, name: string) => {
    const value = placeholder(name, options);
    if (value === undefined) throw new Error(`expected a known placeholder, got "{{${name}}}"`);
    return value;
  });
}

function placeholder(name: string, { cluster, retentionDays }: Placeholders): string | undefined {
  const [key, argument] = name.split(":");
  switch (key) {
    case "on_cluster":
      return cluster === undefined ? "" : `ON CLUSTER '${escapeText(cluster)}'`;
    case "MergeTree":
    case "AggregatingMergeTree":
      return cluster === undefined ? key : replicated(key);
    case "durable":
      return `${cluster === undefined ? `non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}` : REPLICATED_WINDOW}, ${FSYNC}`;
    case "few_files":
      return FEW_FILES;
    case "wide_merges":
      return WIDE_MERGES;
    case "days":
      return argument !== undefined && argument in retention
        ? String(retentionDays[argument as keyof RetentionDays])
        : undefined;
  }
  return undefined;
}

function replicated(engine: string): string {
  return `Replicated${engine}('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')`;
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
}

/** What may hold a semicolon that ends nothing, then the semicolon itself. */
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`\\]|\\[\s\S]|``)*`|;/g;

/** Cuts `sql` at the semicolons that stand outside comments and quotes; pieces with nothing but comments are left out. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let statement = "";
  let from = 0;
  for (const { 0: token, index } of sql.matchAll(TOKEN)) {
    statement += sql.slice(from, index);
    from = index + token.length;
    if (token === ";") {
      statements.push(statement);
      statement = "";
    } else if (isComment(token)) statement += " ";
    else statement += token;
  }
  statements.push(statement + sql.slice(from));
  return statements.map((s) => s.trim()).filter((s) => s !== "");
}

function isComment(token: string): boolean {
  return token.startsWith("--") || token.startsWith("/*");
}
