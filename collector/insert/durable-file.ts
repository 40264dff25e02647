/** Files that are whole or not there, over kill -9 and power loss: written aside, synced, renamed, the directory synced. */
import { crc32 } from "node:zlib";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";

export const TEMPORARY = ".tmp";

/** @returns the CRC-32 of what was written */
export async function writeDurably(
  dir: string,
  name: string,
  chunks: readonly Uint8Array[],
): Promise<number> {
  const temporary = `${dir}/${name}${TEMPORARY}`;
  const handle = await fs.open(temporary, "w", 0o600);
  try {
    await writeAll(handle, chunks);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await fs.rename(temporary, `${dir}/${name}`);
  await syncDirectory(dir);
  return chunks.reduce((crc, chunk) => crc32(chunk, crc), 0);
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

/** The CRC-32 of a file's contents; undefined when it is missing or has another length. */
export async function fileCrc(path: string, byteLength: number): Promise<number | undefined> {
  const handle = await fs.open(path, constants.O_RDONLY).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!handle) return undefined;
  try {
    if ((await handle.stat()).size !== byteLength) return undefined;
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    let crc = 0;
    for (let at = 0; at < byteLength;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, at);
      if (bytesRead === 0) return undefined;
      crc = crc32(buffer.subarray(0, bytesRead), crc);
      at += bytesRead;
    }
    return crc;
  } finally {
    await handle.close();
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

async function writeAll(handle: fs.FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0);
  for (let at = 0; rest.length > 0;) {
    let { bytesWritten } = await handle.writev(rest, at);
    at += bytesWritten;
    while (rest[0] && bytesWritten >= rest[0].byteLength) {
      bytesWritten -= rest[0].byteLength;
      rest = rest.slice(1);
    }
    if (rest[0] && bytesWritten > 0) rest = [rest[0].subarray(bytesWritten), ...rest.slice(1)];
  }
}

export async function syncDirectory(dir: string): Promise<void> {
  const handle = await fs.open(dir, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
