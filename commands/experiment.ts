/** `assay experiment`: a dataset answered and judged; runs compared. */
import { runExperimentCommand } from "@assay/collector";
import { runExperimentsCommand } from "@assay/query-api";
import { note } from "./log.ts";
import { connector, settings } from "./settings.ts";

export async function run(args: readonly string[]): Promise<void> {
  const values = settings();
  const connect = connector(values);
  if (args[0] !== "run")
    return runExperimentsCommand(args, { connect: () => connect("reader"), print: console.log });
  await runExperimentCommand(args.slice(1), {
    configFile: values.ASSAY_JUDGE,
    env: process.env,
    connect: () => connect("writer"),
    print: console.log,
    note,
  });
}
