/**
 * Preload (`node --import …/drop-unsynced.ts`) that makes kill -9 as bad as a power loss: what is written through file
 * handles to files under `ASSAY_DROP_UNSYNCED` (a directory) stays in this process's memory, and reaches the file only
 * with fdatasync or fsync. A process that dies takes its unsynced writes with it.
 *
 * The process itself reads its own writes. Names are not delayed: a created or renamed file is there at once.
 */
import type { Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { resolve } from "node:path";

interface Held {
  chunks: { position: number; bytes: Buffer }[];
  /** Length as the process sees it. */
  size: number;
}

type Handle = fs.FileHandle;

const root = process.env["ASSAY_DROP_UNSYNCED"];
if (root) await install(resolve(root));

async function install(directory: string): Promise<void> {
  const probe = await fs.open(process.execPath, "r");
  const prototype = Object.getPrototypeOf(probe) as Handle;
  await probe.close();
  const real = Object.defineProperties({}, Object.getOwnPropertyDescriptors(prototype)) as Handle;
  const held = new WeakMap<Handle, Promise<Held | undefined>>();

  /** What is held back for a handle; undefined for files elsewhere and for directories. */
  const of = (handle: Handle): Promise<Held | undefined> => {
    const known = held.get(handle) ?? begin(handle);
    held.set(handle, known);
    return known;
  };
  const begin = async (handle: Handle): Promise<Held | undefined> => {
    const path = await fs.readlink(`/proc/self/fd/${handle.fd}`).catch(() => "");
    if (!path.startsWith(`${directory}/`)) return undefined;
    const stat = (await real.stat.call(handle)) as Stats;
    return stat.isFile() ? { chunks: [], size: stat.size } : undefined;
  };
  const flush = async (handle: Handle): Promise<void> => {
    const file = await of(handle);
    for (const { position, bytes } of file?.chunks.splice(0) ?? []) {
      for (let at = 0; at < bytes.byteLength;) {
        const rest = [bytes.subarray(at)];
        at += (await real.writev.call(handle, rest, position + at)).bytesWritten;
      }
    }
  };

  const patched = {
    async writev(this: Handle, buffers: readonly Uint8Array[], position?: number) {
      const file = await of(this);
      if (!file) return real.writev.call(this, buffers, position);
      const at = position ?? file.size;
      const bytes = Buffer.concat(buffers);
      file.chunks.push({ position: at, bytes });
      file.size = Math.max(file.size, at + bytes.byteLength);
      return { bytesWritten: bytes.byteLength, buffers };
    },
    async read(this: Handle, ...args: Parameters<typeof prototype.read>) {
      // Only synced bytes are ever read by the log; anything else gets its own writes written first.
      await flush(this);
      return real.read.apply(this, args);
    },
    async datasync(this: Handle) {
      await flush(this);
      return real.datasync.call(this);
    },
    async sync(this: Handle) {
      await flush(this);
      return real.sync.call(this);
    },
    async truncate(this: Handle, length = 0) {
      const file = await of(this);
      if (file) {
        file.chunks = file.chunks.filter(({ position }) => position < length);
        file.size = length;
      }
      return real.truncate.call(this, length);
    },
    async stat(this: Handle, ...args: Parameters<typeof prototype.stat>) {
      const stat = (await real.stat.apply(this, args)) as Stats;
      const file = await of(this);
      if (file) stat.size = file.size;
      return stat;
    },
  };
  Object.assign(prototype, patched);
}
