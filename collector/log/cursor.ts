/**
 * How far the consumer is, in the file `cursor`: `<seq> <crc32 of seq>\n`.
 *
 * Replaced and synced at every release. That is one small sync for each batch, and the consumer may then forget
 * its own record of the batch. A lost or damaged cursor means that records are offered again, never that one is skipped.
 */
import { crc32 } from "node:zlib";
import { readWhole, replaceFile, type LogFs } from "./log-fs.ts";

const CURSOR_FILE = "cursor";

export async function readCursor(
  fs: LogFs,
  dir: string,
  names: readonly string[],
): Promise<number | undefined> {
  if (!names.includes(CURSOR_FILE)) return undefined;
  const [seq = "", crc] = (await readWhole(fs, `${dir}/${CURSOR_FILE}`))
    .toString("latin1")
    .trim()
    .split(" ");
  return /^\d{1,15}$/.test(seq) && crc === String(crc32(seq)) ? Number(seq) : undefined;
}

export function writeCursor(fs: LogFs, dir: string, seq: number): Promise<void> {
  return replaceFile(fs, dir, CURSOR_FILE, Buffer.from(`${seq} ${crc32(String(seq))}\n`));
}
