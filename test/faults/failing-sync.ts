/**
 * Preload for a collector whose disk fails: with `FAIL_SYNC=<file>`, fdatasync fails with EIO from the moment that the
 * file is there.
 */
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";

const file = process.env["FAIL_SYNC"];
const probe = await fs.open(process.execPath, "r");
const prototype = Object.getPrototypeOf(probe) as fs.FileHandle;
await probe.close();
const datasync = Object.getOwnPropertyDescriptor(prototype, "datasync")!
  .value as () => Promise<void>;
prototype.datasync = async function (this: fs.FileHandle) {
  if (file !== undefined && existsSync(file))
    throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
  return datasync.call(this);
};
