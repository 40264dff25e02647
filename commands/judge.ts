/** `assay judge`: the judges asked by hand. */
import { runAttackCommand, runBackfillCommand, runJudgeCommand } from "@assay/collector";
import { note } from "./log.ts";
import { connector, settings } from "./settings.ts";

export async function run(args: readonly string[]): Promise<void> {
  const values = settings();
  const connect = connector(values);
  const options = { configFile: values.ASSAY_JUDGE, env: process.env, print: console.log };
  const [action, ...rest] = args;
  const writing = { ...options, connect: () => connect("writer") };
  if (action === "backfill") return runBackfillCommand(rest, writing);
  if (action === "attack") {
    if (!(await runAttackCommand(rest, writing))) process.exitCode = 1;
    return;
  }
  await runJudgeCommand(args, { ...options, note, connect: () => connect("reader") });
}
