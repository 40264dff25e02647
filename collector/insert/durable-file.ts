/** Files that are whole or not there, over kill -9 and power loss: written aside, synced, renamed, the directory synced. */
import { constants } from "node:fs";
import * as fs from "node:fs/promises";

export const TEMPORARY = ".tmp";
const PIECE_BYTES = 1024 * 1024;

/** @param over a file that nobody needs any more; it is written over, and becomes this one */
export async function writeDurably(
  dir: string,
  name: string,
  chunks: readonly Uint8Array[],
  over?: string,
): Promise<void> {
  const temporary = `${dir}/${name}${TEMPORARY}`;
  if (over) await fs.rename(`${dir}/${over}`, temporary);
  const handle = await fs.open(temporary, over ? "r+" : "w", 0o600);
  try {
    const byteLength = await writeAll(handle, chunks);
    if (over) await handle.truncate(byteLength);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await fs.rename(temporary, `${dir}/${name}`);
  await syncDirectory(dir);
}

export async function renameDurably(dir: string, from: string, to: string): Promise<void> {
  await fs.rename(`${dir}/${from}`, `${dir}/${to}`);
  await syncDirectory(dir);
}

export async function removeDurably(dir: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  for (const name of names) await fs.rm(`${dir}/${name}`, { force: true });
  await syncDirectory(dir);
}

/**
 * Gives `take` a file's contents, a piece at a time, in a buffer that is used again.
 * @returns false when the file is missing or has another length
 */
export async function readPieces(
  path: string,
  byteLength: number,
  take: (piece: Uint8Array) => void,
): Promise<boolean> {
  const handle = await fs.open(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!handle) return false;
  try {
    if ((await handle.stat()).size !== byteLength) return false;
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    for (let at = 0; at < byteLength;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, at);
      if (bytesRead === 0) return false;
      take(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return true;
  } finally {
    await handle.close();
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** @returns the bytes written */
async function writeAll(handle: fs.FileHandle, chunks: readonly Uint8Array[]): Promise<number> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0);
  let at = 0;
  while (rest.length > 0) {
    let { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    while (rest[0] && bytesWritten >= rest[0].byteLength) {
      bytesWritten -= rest[0].byteLength;
      rest = rest.slice(1);
    }
    if (rest[0] && bytesWritten > 0) rest = [rest[0].subarray(bytesWritten), ...rest.slice(1)];
  }
  return at;
}

export async function syncDirectory(dir: string): Promise<void> {
  const handle = await fs.open(dir, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
