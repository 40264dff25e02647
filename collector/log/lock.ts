/**
 * One process at a time: the file `lock` names the process that has the log open. Left behind by kill -9, it is told from
 * a living owner by the process's start time and the machine's boot id (on Linux; elsewhere by its number alone).
 *
 * Not seen: an owner in another container that shares the volume but not the process table.
 */
import { readFileSync } from "node:fs";
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
    if (owner && owner.pid !== process.pid && startedAt(owner.pid) === owner.started) {
      throw new Error(`the log in "${dir}" is open in process ${owner.pid}: stop that one first`);
    }
  }
  const self: Owner = { pid: process.pid, started: startedAt(process.pid) ?? "" };
  await replaceFile(fs, dir, LOCK_FILE, Buffer.from(JSON.stringify(self)));
  return { release: () => fs.remove(path) };
}

function parseOwner(bytes: Buffer): Owner | undefined {
  try {
    return JSON.parse(bytes.toString()) as Owner;
  } catch {
    // Torn by a crash: whoever wrote it is gone.
    return undefined;
  }
}

/** Boot id and start time of a living process, undefined for a dead one. */
function startedAt(pid: number): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold spaces; the start time is the 20th field after it.
    return `${boot}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return process.platform === "linux" ? undefined : aliveElsewhere(pid);
  }
}

function aliveElsewhere(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return "";
  } catch {
    return undefined;
  }
}
