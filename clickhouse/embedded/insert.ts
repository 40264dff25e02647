/**
 * An INSERT with data: the body goes to a file in the spool folder, and the engine reads that file.
 *
 * Native blocks are read with `SELECT … FROM file(…)`, under exactly the settings the client sent: a block that a
 * collector left in the spool folder and a block that was posted take the same path, so both are deduplicated in
 * the same way. Every other format goes through `FROM INFILE`, which knows about column defaults, expressions in
 * VALUES and headers. Only this file builds either; the gate refuses both to clients.
 */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import fs from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { queryError } from "./errors.ts";
import { decode } from "./engine.ts";
import type { EngineSession } from "./engine.ts";
import { isWord, nameOf, sqlName, sqlString, tokens } from "./sql-lexer.ts";
import type { Token } from "./sql-lexer.ts";
import type { Statement } from "./statement.ts";

export interface SpooledData {
  path: string;
  bytes: number;
  /** Removes a file that this server wrote; a file that a collector left stays the collector's. */
  release(): Promise<void>;
}

const spoolName = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.native$/;

/** Writes the whole body before the engine sees any of it: a client that goes away half way inserts nothing. */
export async function spoolBody(
  dir: string,
  body: Readable,
  signal: AbortSignal,
): Promise<SpooledData> {
  const file = path.join(dir, `body-${randomUUID()}`);
  const release = (): Promise<void> => fs.rm(file, { force: true });
  try {
    const target = createWriteStream(file, {
      flags: "wx",
      mode: 0o600,
      highWaterMark: 1024 * 1024,
    });
    await pipeline(body, target, { signal });
    return { path: file, bytes: target.bytesWritten, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The file that `assay_spool` names. @throws QueryError for any other name than `<uuid>.native` */
export async function spooledFile(dir: string, name: string): Promise<SpooledData> {
  if (!spoolName.test(name))
    throw queryError(36, `Expected assay_spool=<uuid>.native, got "${name}"`);
  const file = path.join(dir, name);
  const stat = await fs.lstat(file).catch(() => undefined);
  if (!stat) throw queryError(107, `File ${name} doesn't exist in the spool folder`);
  if (!stat.isFile())
    throw queryError(36, `Expected assay_spool to name a regular file, got "${name}"`);
  return { path: file, bytes: stat.size, release: () => Promise.resolve() };
}

/** The statement that reads `file` instead of data after the query. */
export async function insertFromFile(
  session: EngineSession,
  statement: Statement,
  file: string,
): Promise<string> {
  const { sql } = statement;
  const words = [...tokens(sql)].filter((token) => token.depth === 0);
  const [formatAt, format] = words.slice(-2);
  if (!isWord(formatAt, "FORMAT"))
    throw queryError(62, `Syntax error: expected INSERT … FORMAT at the end of "${sql}"`);
  const settings = words.find(
    (word, i) => i > 2 && isWord(word, "SETTINGS") && words[i + 2]?.text === "=",
  );
  const headEnd = (settings ?? formatAt)!.start;
  if (nameOf(format!) !== "Native")
    return `${sql.slice(0, headEnd)}FROM INFILE ${sqlString(file)} ${sql.slice(headEnd)}`;
  const { columns, listed } = await nativeColumns(session, words, sql, file);
  const head = `${sql.slice(0, headEnd)}${listed ? "" : `${columns} `}${sql.slice(headEnd, formatAt!.start)}`;
  return `${head}SELECT ${columns.slice(1, -1)} FROM file(${sqlString(file)}, 'Native')`;
}

/** A SELECT inserts by position, but Native by name: the statement's column list, else the file's own names. */
async function nativeColumns(
  session: EngineSession,
  words: readonly Token[],
  sql: string,
  file: string,
): Promise<{ columns: string; listed: boolean }> {
  if (words.some((word) => isWord(word, "FUNCTION"))) return { columns: "(*)", listed: true };
  const open = words.find((word) => word.text === "(");
  const close = words.find((word) => word.text === ")");
  if (open && close) return { columns: sql.slice(open.start, close.end), listed: true };
  const described = await session.run(
    `DESCRIBE file(${sqlString(file)}, 'Native')`,
    "JSONCompactEachRow",
  );
  const lines = decode(described.bytes)
    .split("\n")
    .filter((line) => line !== "");
  const names = lines.map((line) => sqlName((JSON.parse(line) as [string])[0]));
  return { columns: `(${names.join(", ")})`, listed: false };
}
