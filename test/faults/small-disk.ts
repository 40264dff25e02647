/** A tmpfs in the place of a folder: a disk that can be full or read-only. Linux, and the right to mount. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `options` as for mount's -o: `size=4m`, `ro`. */
export function mountSmallDisk(dir: string, options: string): void {
  execFileSync("/bin/mount", ["-t", "tmpfs", "-o", `mode=700,${options}`, "none", dir], {
    stdio: "pipe",
  });
}

export function unmount(dir: string): void {
  execFileSync("/bin/umount", [dir], { stdio: "pipe" });
}

/** Containers often have root without the right to mount. */
export const canMountSmallDisks: boolean = process.platform === "linux" && isMountAllowed();

function isMountAllowed(): boolean {
  const dir = mkdtempSync(join(tmpdir(), "assay-mount-"));
  try {
    mountSmallDisk(dir, "size=1m");
    unmount(dir);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(dir);
  }
}
