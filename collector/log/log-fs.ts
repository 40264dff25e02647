/**
 * The file operations that the log needs, as an argument, so that tests can fail each of them and can lose what was
 * not synced. Nothing else in this folder touches the file system.
 */
import { constants } from "node:fs";
import * as fs from "node:fs/promises";

export interface LogFile {
  /** Writes at `position`; may write less than asked. */
  writev(chunks: readonly Uint8Array[], position: number): Promise<number>;
  /** Fills `into` from `position`; returns the bytes read, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** After this the contents and the length survive a power loss. */
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface LogFs {
  /** `create` fails when the file exists; `edit` opens an existing one for reading and writing. */
  open(path: string, mode: "create" | "read" | "edit"): Promise<LogFile>;
  list(dir: string): Promise<string[]>;
  makeDirectory(dir: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; no error when it is not there. */
  remove(path: string): Promise<void>;
  /** After this the names created, renamed and removed in `dir` survive a power loss. */
  syncDirectory(dir: string): Promise<void>;
  /** Room on the disk of `dir`, for this process. */
  freeBytes(dir: string): Promise<number>;
  /** What stays the same for a directory as long as it is not copied: see identity.ts. */
  identity(dir: string): Promise<string>;
}

const flags = {
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  read: constants.O_RDONLY,
  edit: constants.O_RDWR,
} as const;

function logFile(handle: fs.FileHandle): LogFile {
  return {
    writev: async (chunks, position) => (await handle.writev(chunks, position)).bytesWritten,
    read: async (into, position) =>
      (await handle.read(into, 0, into.byteLength, position)).bytesRead,
    datasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    size: async () => (await handle.stat()).size,
    close: () => handle.close(),
  };
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await fs.open(dir, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await fs.statfs(dir);
  return bavail * bsize;
}

async function identity(dir: string): Promise<string> {
  const stat = await fs.stat(dir, { bigint: true });
  return `${stat.ino}/${stat.birthtimeNs}`;
}

export const nodeFs: LogFs = {
  open: async (path, mode) => logFile(await fs.open(path, flags[mode], 0o600)),
  list: (dir) => fs.readdir(dir),
  makeDirectory: async (dir) => {
    await fs.mkdir(dir, { recursive: true, mode: 0o700 });
  },
  rename: (from, to) => fs.rename(from, to),
  remove: (path) => fs.rm(path, { force: true }),
  syncDirectory,
  freeBytes,
  identity,
};

/** Writes all chunks at `position`, however often the system writes less than asked. */
export async function writeFully(
  file: LogFile,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let rest = chunks;
  for (let at = position; rest.length > 0;) {
    const written = await file.writev(rest, at);
    at += written;
    rest = after(rest, written);
  }
}

function after(chunks: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let left = written;
  for (const [index, chunk] of chunks.entries()) {
    if (left < chunk.byteLength) return [chunk.subarray(left), ...chunks.slice(index + 1)];
    left -= chunk.byteLength;
  }
  return [];
}

/** Reads `length` bytes at `position`, less only at the end of the file. */
function readFully(file: LogFile, position: number, length: number): Promise<Buffer> {
  return readInto(Buffer.allocUnsafeSlow(length), file, position);
}

/** Fills `bytes` from `position`; returns what was filled of it, less only at the end of the file. */
export async function readInto(bytes: Buffer, file: LogFile, position: number): Promise<Buffer> {
  let filled = 0;
  while (filled < bytes.byteLength) {
    const read = await file.read(bytes.subarray(filled), position + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

export async function readWhole(fs: LogFs, path: string): Promise<Buffer> {
  const file = await fs.open(path, "read");
  try {
    return await readFully(file, 0, await file.size());
  } finally {
    await file.close();
  }
}

/** Replaces a small file: afterwards, and after a power loss at any moment, it has its old or its new contents whole. */
export async function replaceFile(
  fs: LogFs,
  dir: string,
  name: string,
  contents: Uint8Array,
): Promise<void> {
  const temporary = `${dir}/${name}.tmp`;
  await fs.remove(temporary);
  const file = await fs.open(temporary, "create");
  try {
    await writeFully(file, [contents], 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, `${dir}/${name}`);
  await fs.syncDirectory(dir);
}

const outOfSpace = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE"]);

/** A shortage that passes: the request is refused, the log goes on. */
export function isShortage(error: unknown): boolean {
  return outOfSpace.has(errorCode(error));
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
