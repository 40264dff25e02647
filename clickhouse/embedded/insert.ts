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
import { isWord, sqlString, tokens } from "./sql-lexer.ts";
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
export function insertFromFile(statement: Statement, file: string): string {
  const { sql } = statement;
  const words = [...tokens(sql)].filter((token) => token.depth === 0);
  const format = words.at(-1)!;
  const formatAt = words.at(-2)!;
  if (!isWord(formatAt, "FORMAT"))
    throw queryError(62, `Syntax error: expected INSERT … FORMAT at the end of "${sql}"`);
  if (format.text === "Native") {
    return `${sql.slice(0, formatAt.start)}SELECT * FROM file(${sqlString(file)}, 'Native')`;
  }
  const settings = words.find(
    (word, i) => i > 2 && isWord(word, "SETTINGS") && words[i + 2]?.text === "=",
  );
  const at = (settings ?? formatAt).start;
  return `${sql.slice(0, at)}FROM INFILE ${sqlString(file)} ${sql.slice(at)}`;
}
