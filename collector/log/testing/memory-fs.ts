/**
 * A file system in memory that tells what is synced from what is not. `crash()` forgets everything that no sync has made
 * safe: contents since the file's last datasync, names since the directory's last sync. With a `random`, a crash keeps an
 * arbitrary part of the unsynced contents, as a real disk may: torn writes.
 *
 * `faults` fails calls: `fail("datasync", 3, "EIO")` fails the third datasync from now on, once.
 */
import type { LogFile, LogFs } from "../log-fs.ts";

export type Operation =
  | "open"
  | "list"
  | "makeDirectory"
  | "rename"
  | "remove"
  | "syncDirectory"
  | "writev"
  | "read"
  | "datasync"
  | "truncate"
  | "size"
  | "close";

interface Inode {
  contents: Buffer;
  synced: Buffer;
}

interface Fault {
  operation: Operation;
  /** How many more calls pass before the one that fails. */
  after: number;
  code: string;
  /** For `writev`: how many bytes are written before it fails. */
  torn: number;
}

export class MemoryFs implements LogFs {
  /** What programs see, and what is on disk. */
  #files = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #faults: Fault[] = [];
  #directoryId = "1/1";
  /** Bytes that fit; more is ENOSPC. */
  capacity = Infinity;
  readonly calls: Operation[] = [];

  fail(operation: Operation, nth: number, code: string, torn = 0): void {
    this.#faults.push({ operation, after: nth - 1, code, torn });
  }

  /** A power loss. Open files are dead; open them again. */
  crash(random?: () => number): void {
    this.#faults = [];
    for (const inode of new Set(this.#durable.values())) {
      inode.contents = survivor(inode, random);
      inode.synced = inode.contents;
    }
    this.#files = new Map(this.#durable);
  }

  /** A copy of the directory, as `cp -a` would make it. */
  copy(): MemoryFs {
    const copy = new MemoryFs();
    for (const [path, { contents }] of this.#files) copy.set(path, Buffer.from(contents));
    copy.#directoryId = "2/2";
    return copy;
  }

  paths(): string[] {
    return [...this.#files.keys()].sort();
  }

  get(path: string): Buffer {
    const inode = this.#files.get(path);
    if (!inode) throw failure("ENOENT", path);
    return inode.contents;
  }

  /** Puts a file there, durable. */
  set(path: string, contents: Buffer): void {
    const inode = { contents, synced: contents };
    this.#files.set(path, inode);
    this.#durable.set(path, inode);
  }

  delete(path: string): void {
    this.#files.delete(path);
    this.#durable.delete(path);
  }

  open(path: string, mode: "create" | "read" | "edit"): Promise<LogFile> {
    return this.#call("open", path, () => {
      if (mode === "create") {
        if (this.#files.has(path)) throw failure("EEXIST", path);
        this.#files.set(path, { contents: Buffer.alloc(0), synced: Buffer.alloc(0) });
      }
      const inode = this.#files.get(path);
      if (!inode) throw failure("ENOENT", path);
      return this.#file(path, inode);
    });
  }

  list(dir: string): Promise<string[]> {
    return this.#call("list", dir, () =>
      [...this.#files.keys()]
        .filter((path) => path.startsWith(`${dir}/`) && !path.slice(dir.length + 1).includes("/"))
        .map((path) => path.slice(dir.length + 1)),
    );
  }

  makeDirectory(dir: string): Promise<void> {
    return this.#call("makeDirectory", dir, () => undefined);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call("rename", from, () => {
      const inode = this.#files.get(from);
      if (!inode) throw failure("ENOENT", from);
      this.#files.delete(from);
      this.#files.set(to, inode);
    });
  }

  remove(path: string): Promise<void> {
    return this.#call("remove", path, () => {
      this.#files.delete(path);
    });
  }

  syncDirectory(dir: string): Promise<void> {
    return this.#call("syncDirectory", dir, () => {
      const inDir = (path: string) => path.startsWith(`${dir}/`);
      for (const path of this.#durable.keys()) {
        if (inDir(path) && !this.#files.has(path)) this.#durable.delete(path);
      }
      for (const [path, inode] of this.#files) if (inDir(path)) this.#durable.set(path, inode);
    });
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.capacity - this.#size());
  }

  identity(): Promise<string> {
    return Promise.resolve(this.#directoryId);
  }

  #file(path: string, inode: Inode): LogFile {
    return {
      writev: (chunks, position) =>
        this.#call("writev", path, (torn) => this.#write(inode, chunks, position, torn)),
      read: (into, position) =>
        this.#call("read", path, () => {
          const bytes = inode.contents.subarray(position, position + into.byteLength);
          into.set(bytes);
          return bytes.byteLength;
        }),
      datasync: () =>
        this.#call("datasync", path, () => {
          inode.synced = inode.contents;
        }),
      truncate: (length) =>
        this.#call("truncate", path, () => {
          inode.contents = inode.contents.subarray(0, length);
        }),
      size: () => this.#call("size", path, () => inode.contents.byteLength),
      close: () => this.#call("close", path, () => undefined),
    };
  }

  #write(inode: Inode, chunks: readonly Uint8Array[], position: number, torn?: number): number {
    const bytes = Buffer.concat(chunks);
    const before = Buffer.alloc(position);
    inode.contents.copy(before);
    const free = this.capacity - this.#size() + inode.contents.byteLength - position;
    const written = Math.min(bytes.byteLength, Math.max(0, free), torn ?? Infinity);
    inode.contents = Buffer.concat([before, bytes.subarray(0, written)]);
    if (written === 0 && bytes.byteLength > 0) throw failure("ENOSPC", "write");
    return written;
  }

  #size(): number {
    let bytes = 0;
    for (const { contents } of this.#files.values()) bytes += contents.byteLength;
    return bytes;
  }

  async #call<T>(operation: Operation, path: string, run: (torn?: number) => T): Promise<T> {
    this.calls.push(operation);
    // A real call never finishes in the turn of the event loop that made it.
    await Promise.resolve();
    const fault = this.#faults.find((candidate) => candidate.operation === operation);
    if (!fault || fault.after-- > 0) return run();
    this.#faults.splice(this.#faults.indexOf(fault), 1);
    if (fault.torn > 0) run(fault.torn);
    throw failure(fault.code, path);
  }
}

function survivor({ contents, synced }: Inode, random?: () => number): Buffer {
  if (!random || contents.byteLength <= synced.byteLength) return synced;
  const extra = Math.floor(random() * (contents.byteLength - synced.byteLength + 1));
  const kept = Buffer.from(contents.subarray(0, synced.byteLength + extra));
  // The length may be on disk before the data: the end reads as zeros.
  if (random() < 0.5) kept.fill(0, synced.byteLength + Math.floor(random() * extra));
  return kept;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: injected, "${path}"`), { code });
}
