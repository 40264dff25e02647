/** `assay collector`: the collector alone. */
import { startCollector } from "@assay/collector";
import { printAddresses } from "./addresses.ts";
import { failed, log } from "./log.ts";
import { settings } from "./settings.ts";
import { stopRequested } from "./stop-requested.ts";

export async function run(): Promise<void> {
  const collector = await startCollector(settings(), { log, onFatal: failed });
  printAddresses(collector, undefined);
  await stopRequested();
  await collector.stop();
}
