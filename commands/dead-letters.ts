/** `assay dead-letters`: requests that could not be stored. */
import { runDeadLetterCommand } from "@assay/collector";
import { settings } from "./settings.ts";

export async function run(args: readonly string[]): Promise<void> {
  const { ASSAY_DATA, ASSAY_OTLP_HTTP } = settings();
  const options = { dataDir: ASSAY_DATA, otlp: ASSAY_OTLP_HTTP, print: console.log };
  await runDeadLetterCommand(args, options);
}
