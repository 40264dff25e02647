/**
 * Who a process is, for files that say who holds something: its pid and the time it started, because a pid alone is given
 * again after a crash or a reboot. On Linux that is /proc, elsewhere `ps`.
 */
import { execFile } from "node:child_process";
import fs from "node:fs/promises";
import { promisify } from "node:util";

export interface ProcessIdentity {
  pid: number;
  /** In words that only equal themselves. */
  startedAt: string;
  /** Who started it; another one once that process has ended. */
  parentPid: number;
}

/** Undefined: there is no such process any more, nor anything that it had open. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    return process.platform === "linux" ? await fromProc(pid) : await fromPs(pid);
  } catch {
    return undefined; // neither has anything to say of a process that is gone
  }
}

async function fromProc(pid: number): Promise<ProcessIdentity | undefined> {
  const [stat, boot] = await Promise.all([
    fs.readFile(`/proc/${pid}/stat`, "utf8"),
    fs.readFile("/proc/sys/kernel/random/boot_id", "utf8"),
  ]);
  // The name in brackets may hold blanks; state, parent and start time are the 1st, 2nd and 20th field after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Killed, and its parent has not noticed. Its files and ports are closed when the last of its threads is gone.
  if (fields[0] === "Z" && (await fs.readdir(`/proc/${pid}/task`)).length <= 1) return undefined;
  return { pid, startedAt: `${boot.trim()}/${fields[19]}`, parentPid: Number(fields[1]) };
}

async function fromPs(pid: number): Promise<ProcessIdentity> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "ppid=,lstart=", "-p", String(pid)]);
  const [parentPid = "", ...startedAt] = stdout.trim().split(/\s+/);
  return { pid, startedAt: startedAt.join(" "), parentPid: Number(parentPid) };
}
