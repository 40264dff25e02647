/** `assay judge backfill`: what it would cost, and, when that is accepted, the judging of a past period. */
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { timeOption } from "../time-option.ts";
import {
  backfill,
  estimateBackfill,
  type BackfillEstimate,
  type BackfillOptions,
} from "./backfill.ts";
import { readJudgeConfig } from "./config.ts";

const BACKFILL_USAGE =
  "judge backfill --from TIME [--to TIME] [--project NAME] [--config FILE] [--max-usd N] [--yes]";

export interface BackfillCommandOptions {
  /** ASSAY_JUDGE; `--config` goes before it. */
  configFile: string | undefined;
  env: NodeJS.ProcessEnv;
  /** As the writer. */
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
  now?: () => number;
  pauseMs?: (attempt: number) => number;
}

/** @throws with a sentence for the user */
export async function runBackfillCommand(
  args: readonly string[],
  { configFile, env, connect, print, now = Date.now, pauseMs }: BackfillCommandOptions,
): Promise<void> {
  const values = flagsOf(args);
  const path = values.config ?? configFile;
  const config = readJudgeConfig(path, env);
  if (!config) throw new Error("expected --config FILE, or ASSAY_JUDGE, to name the judges' file");
  if (values.from === undefined) throw new Error(`--from: expected a time; ${BACKFILL_USAGE}`);
  const maxUsd = values["max-usd"] === undefined ? undefined : usdOption(values["max-usd"]);
  const fromUnixMs = timeOption("--from", values.from, now());
  const toUnixMs = timeOption("--to", values.to ?? "now", now());
  const client = await connect();
  try {
    const options: BackfillOptions = {
      config,
      client,
      fromUnixMs,
      toUnixMs,
      project: values.project,
      now,
      ...(pauseMs ? { pauseMs } : {}),
    };
    const estimate = await estimateBackfill(options);
    for (const line of described(estimate)) print(line);
    if (estimate.calls === 0) return;
    if (!values.yes)
      return print("Nothing was sent. With --yes it is done; --max-usd N stops it there.");
    await run(options, maxUsd, print);
  } finally {
    await client.close();
  }
}

async function run(
  options: BackfillOptions,
  maxUsd: number | undefined,
  print: (line: string) => void,
): Promise<void> {
  const result = await backfill(options, maxUsd, ({ beganUnixMs }) =>
    print(`  judged up to ${new Date(beganUnixMs).toISOString()}`),
  );
  const { judgements, failures, spentUsd, stoppedAtUnixMs } = result;
  const list = (counts: ReadonlyMap<string, number>): string =>
    [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
  print(`Judgements: ${list(judgements) || "none"}; ${spentUsd.toFixed(4)} USD.`);
  if (failures.size > 0) print(`Failed: ${list(failures)}.`);
  if (stoppedAtUnixMs !== undefined)
    print(`The money was spent: go on with --from ${new Date(stoppedAtUnixMs).toISOString()}`);
}

function described(estimate: BackfillEstimate): string[] {
  const { records, chosen, stored, calls, inputTokens, outputTokens, usd } = estimate;
  const cost =
    usd === undefined
      ? "of unknown price: set usd_per_million_tokens"
      : `up to about ${usd.toFixed(usd < 1 ? 4 : 2)} USD`;
  return [
    `${records} records that no judge has decided on yet; ${chosen} are drawn in the period, ${stored} of their judgements are stored.`,
    `${calls} calls, about ${inputTokens} input tokens and at most ${outputTokens} output tokens: ${cost}. Strong judges, in doubt or by audit, come on top.`,
  ];
}

function usdOption(text: string): number {
  const usd = Number(text);
  if (Number.isFinite(usd) && usd > 0) return usd;
  throw new Error(`--max-usd: expected an amount above 0, got "${text}"`);
}

function flagsOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: text,
        from: text,
        to: text,
        project: text,
        "max-usd": text,
        yes: { type: "boolean" },
      },
    }).values;
  } catch (cause) {
    throw new Error(`${(cause as Error).message}; ${BACKFILL_USAGE}`, { cause });
  }
}
