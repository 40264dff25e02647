/**
 * One server per data directory.
 *
 * The engine has a lock of its own, but opening a directory that is in use can take the other down with it. This
 * one names its holder by pid and by the time that process started (a pid alone is given again after a crash or a
 * reboot), so a lock left by kill -9 is seen to be stale.
 */
import { execFile } from "node:child_process";
import fs from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

/** A server whose parent was killed ends itself, but giving back its memory takes a moment. */
const LEAVING_MS = 5_000;
const POLL_MS = 50;

class LockedError extends Error {
  constructor(directory: string, pid: number) {
    super(`expected to be the only one to use "${directory}", but process ${pid} has it open`);
    this.name = "LockedError";
  }
}

interface Holder {
  pid: number;
  startedAt: string;
}

/** @throws LockedError when another living process holds it, and goes on holding it for five seconds */
export async function takeLock(file: string, directory: string): Promise<void> {
  const mine: Holder = { pid: process.pid, startedAt: (await startOf(process.pid)) ?? "" };
  const draft = `${file}.${process.pid}`;
  await fs.writeFile(draft, JSON.stringify(mine));
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (await linked(draft, file)) return;
      const holder = await readHolder(file);
      if (holder && !(await hasLeft(holder))) throw new LockedError(directory, holder.pid);
      // Stale: moved aside, not deleted, so that of two who see it only one removes this very file.
      await fs.rename(file, `${draft}.stale`).catch(() => undefined); // the other one was faster: try again
      await fs.rm(`${draft}.stale`, { force: true });
    }
    throw new Error(
      `expected to lock "${directory}" within 3 attempts: others take it at the same time`,
    );
  } finally {
    await fs.rm(draft, { force: true });
  }
}

async function hasLeft(holder: Holder): Promise<boolean> {
  const deadline = performance.now() + LEAVING_MS;
  while (holder.startedAt === (await startOf(holder.pid))) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** link() fails when the name exists, and the lock never is a half-written file. */
async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await fs.link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await fs.readFile(file, "utf8")) as Holder;
  } catch {
    return undefined; // gone or unreadable: nobody who holds it writes such a file
  }
}

/** When the process started, in words that only equal themselves; undefined: there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    try {
      const [stat, boot] = await Promise.all([
        fs.readFile(`/proc/${pid}/stat`, "utf8"),
        fs.readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      ]);
      // The name in brackets may hold blanks; starttime is the 22nd field, the 20th after it.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z") return undefined; // dead, and only its parent has not noticed
      return `${boot.trim()}/${fields[19]}`;
    } catch {
      return undefined; // no such process
    }
  }
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "lstart=", "-p", String(pid)]);
    return stdout.trim();
  } catch {
    return undefined; // ps exits with 1 when there is no such process
  }
}
