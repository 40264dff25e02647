/**
 * One server per data directory.
 *
 * The engine has a lock of its own, but opening a directory that is in use can take the other down with it. This
 * one names its holder by pid and start time, so a lock left by kill -9 is seen to be stale.
 *
 * A server whose parent was killed ends itself, but not while it is busy opening its tables, and one that waits for a
 * slow disk takes its time to die. It has nothing left to do for anybody: it is killed, and its end is waited for.
 */
import fs from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { identityOf, type ProcessIdentity } from "../process-identity.ts";

/** For one that is leaving by itself. */
const LEAVING_MS = 5_000;
/** For one without a parent; less than the time that a start may take. */
const DYING_MS = 45_000;
const POLL_MS = 50;

class LockedError extends Error {
  constructor(directory: string, pid: number) {
    super(`expected to be the only one to use "${directory}", but process ${pid} has it open`);
    this.name = "LockedError";
  }
}

/** @throws LockedError when another living process holds it, and goes on holding it for five seconds */
export async function takeLock(file: string, directory: string): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await fs.writeFile(draft, JSON.stringify(await identityOf(process.pid)));
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

async function hasLeft(holder: ProcessIdentity): Promise<boolean> {
  const since = performance.now();
  for (;;) {
    const now = await identityOf(holder.pid);
    if (now?.startedAt !== holder.startedAt) return true;
    // The lock of an earlier version names no parent.
    const isOrphan = holder.parentPid > 0 && now.parentPid !== holder.parentPid;
    if (isOrphan) kill(holder.pid);
    if (performance.now() - since > (isOrphan ? DYING_MS : LEAVING_MS)) return false;
    await delay(POLL_MS);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It is gone by now, or another user's: then it is still there at the next look.
  }
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

async function readHolder(file: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await fs.readFile(file, "utf8")) as ProcessIdentity;
  } catch {
    return undefined; // gone or unreadable: nobody who holds it writes such a file
  }
}
