/**
 * One process at a time: the file `lock` names the process that has the log open. Left behind by kill -9, it is told from
 * a living owner by the process's start time.
 *
 * Not seen: an owner in another container that shares the volume but not the process table.
 */
import { identityOf } from "@assay/clickhouse";
import { readWhole, replaceFile, type LogFs } from "./log-fs.ts";

const LOCK_FILE = "lock";

export interface Lock {
  release(): Promise<void>;
}

interface Owner {
  pid: number;
  started: string;
}

/** @throws when another living process has it */
export async function acquireLock(fs: LogFs, dir: string): Promise<Lock> {
  const path = `${dir}/${LOCK_FILE}`;
  if ((await fs.list(dir)).includes(LOCK_FILE)) {
    const owner = parseOwner(await readWhole(fs, path));
    if (owner && owner.pid !== process.pid && (await startOf(owner.pid)) === owner.started) {
      throw new Error(`the log in "${dir}" is open in process ${owner.pid}: stop that one first`);
    }
  }
  const self: Owner = { pid: process.pid, started: (await startOf(process.pid)) ?? "" };
  await replaceFile(fs, dir, LOCK_FILE, Buffer.from(JSON.stringify(self)));
  return { release: () => fs.remove(path) };
}

async function startOf(pid: number): Promise<string | undefined> {
  return (await identityOf(pid))?.startedAt;
}

function parseOwner(bytes: Buffer): Owner | undefined {
  try {
    return JSON.parse(bytes.toString()) as Owner;
  } catch {
    // Torn by a crash: whoever wrote it is gone.
    return undefined;
  }
}
