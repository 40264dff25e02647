/**
 * How far a consumer is, in a small file: `<seq> <crc32 of seq>\n`. The store's is `cursor`, the others' are
 * `cursor-<name>`.
 *
 * Replaced and synced at every release. That is one small sync for each batch, and the consumer may then forget
 * its own record of the batch. A lost or damaged cursor means that records are offered again, never that one is skipped.
 */
import { crc32 } from "node:zlib";
import { readWhole, replaceFile, type LogFs } from "./log-fs.ts";

export const STORE_CURSOR = "cursor";
const PREFIX = "cursor-";
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** @throws when the name cannot be one of a file */
export function cursorFile(consumer: string): string {
  if (!NAME.test(consumer)) {
    throw new Error(`expected a consumer's name of a-z, 0-9 and "-", got "${consumer}"`);
  }
  return `${PREFIX}${consumer}`;
}

/** The consumers, other than the store, that have a cursor among a directory's `names`. */
export function consumersWithCursor(names: readonly string[]): string[] {
  return names
    .filter((name) => name.startsWith(PREFIX) && NAME.test(name.slice(PREFIX.length)))
    .map((name) => name.slice(PREFIX.length));
}

/** Undefined when the file is damaged or not there. */
export async function readCursor(
  fs: LogFs,
  dir: string,
  names: readonly string[],
  file: string,
): Promise<number | undefined> {
  if (!names.includes(file)) return undefined;
  const [seq = "", crc] = (await readWhole(fs, `${dir}/${file}`))
    .toString("latin1")
    .trim()
    .split(" ");
  return /^\d{1,15}$/.test(seq) && crc === String(crc32(seq)) ? Number(seq) : undefined;
}

export function writeCursor(fs: LogFs, dir: string, file: string, seq: number): Promise<void> {
  return replaceFile(fs, dir, file, Buffer.from(`${seq} ${crc32(String(seq))}\n`));
}
