/** One folder for everything that a run of the tests writes, whatever it leaves behind: gone when the run ends. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "assay-test-"));
  // A database that must not run as root has its folder in it.
  await chmod(folder, 0o711);
  // Read by `os.tmpdir()` in the workers and in every process that they start.
  process.env["TMPDIR"] = folder;
  return () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
