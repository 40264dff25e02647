/** Milliseconds of CPU that this thread spends in `work`. A busy machine stretches wall time; this it leaves alone. */
export function threadCpuMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
