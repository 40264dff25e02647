/**
 * Preload for a collector whose disk forgets what was not synced: with `DROP_UNSYNCED=<folder>`, a kill -9 takes with it
 * whatever was written below the folder and not synced, as a power loss would.
 *
 * The log's own shim does it. Its variable begins with `ASSAY_`, and the collector refuses variables that it does not
 * know, so it is set only while the shim loads.
 */
const folder = process.env["DROP_UNSYNCED"];
if (folder !== undefined) {
  process.env["ASSAY_DROP_UNSYNCED"] = folder;
  await import("../../collector/log/testing/drop-unsynced.ts");
  delete process.env["ASSAY_DROP_UNSYNCED"];
}

export {};
