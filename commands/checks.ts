/** `assay checks`: what is watched, and when it would have fired. */
import { readBudgets, readChecksConfig, runChecksCommand } from "@assay/collector";
import { connector, settings } from "./settings.ts";

export async function run(args: readonly string[]): Promise<void> {
  const values = settings();
  const budgets = readBudgets(values.ASSAY_BUDGETS);
  const config = readChecksConfig(values.ASSAY_CHECKS, process.env, budgets);
  if (!config) throw new Error('ASSAY_CHECKS: expected a file or nothing, got "off"');
  const connect = connector(values);
  await runChecksCommand(args, { config, connect: () => connect("reader"), print: console.log });
}
