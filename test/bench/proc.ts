/** CPU time and memory of other processes, from Linux's /proc. */
import { readFile } from "node:fs/promises";

const CLOCK_TICKS_PER_SECOND = 100;

export interface ProcessUse {
  cpuSeconds: number;
  /** Part of `cpuSeconds`. */
  kernelSeconds: number;
  rssMiB: number;
  peakRssMiB: number;
}

export async function useOf(pid: number): Promise<ProcessUse> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
  ]);
  // The name in parentheses may hold spaces; utime and stime are fields 14 and 15, counted from the pid as 1.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND,
    kernelSeconds: Number(fields[12]) / CLOCK_TICKS_PER_SECOND,
    rssMiB: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
    peakRssMiB: Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024),
  };
}

/** Children of a process, as the kernel knows them. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}
