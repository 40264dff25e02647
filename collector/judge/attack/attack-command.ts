/** `assay judge attack`: how far each judge of the file can be swayed, as a table, and kept for the gate (query-api/judge-trust.ts). */
import { parseArgs } from "node:util";
import type { ClickHouseClient } from "@clickhouse/client";
import { Budget } from "../budget.ts";
import { readJudgeConfig } from "../config.ts";
import { priceOf, Providers } from "../providers.ts";
import { storeAttacks } from "./attack-rows.ts";
import { runAttacks, type AttackReport, type Swayed } from "./suite.ts";

const USAGE = "judge attack [--config FILE] [--metric NAME] [--max-usd N] [--store]";
const DEFAULT_USD = "1";

export interface AttackCommandOptions {
  /** ASSAY_JUDGE; `--config` goes before it. */
  configFile: string | undefined;
  env: NodeJS.ProcessEnv;
  /** For `--store`. */
  connect: () => Promise<ClickHouseClient>;
  print: (line: string) => void;
  now?: () => number;
  pauseMs?: (attempt: number) => number;
}

/** Resolves to whether every judge passes. @throws with a sentence for the user */
export async function runAttackCommand(
  args: readonly string[],
  { configFile, env, connect, print, now = Date.now, pauseMs }: AttackCommandOptions,
): Promise<boolean> {
  const values = flagsOf(args);
  const config = readJudgeConfig(values.config ?? configFile, env);
  if (!config) throw new Error("expected --config FILE, or ASSAY_JUDGE, to name the judges' file");
  const judges = config.judges.filter(
    ({ metric }) => values.metric === undefined || metric.metric === values.metric,
  );
  if (judges.length === 0)
    throw new Error(`--metric: expected one that has a judge, got "${values.metric ?? ""}"`);
  const maxUsd = Number(values["max-usd"]);
  if (!(maxUsd > 0))
    throw new Error(`--max-usd: expected an amount above 0, got "${values["max-usd"]}"`);
  const budget = new Budget(maxUsd, { now });
  const providers = new Providers(config.providers);
  // Before anything is paid for.
  const client = values.store ? await connect() : undefined;
  let passes = true;
  for (const judge of judges) {
    const report = await runAttacks(judge, {
      provider: providers.get(judge.provider.name),
      budget,
      priceOf: (one, used) => priceOf(one, used, now()),
      signal: new AbortController().signal,
      receivedAtUnixMs: now(),
      now,
      ...(pauseMs ? { pauseMs } : {}),
    });
    print(
      `${judge.metric.metric}, ${judge.model} (${judge.hash.slice(0, 8)}), ${report.calls} calls`,
    );
    for (const line of linesOf(report)) print(line);
    if (client) await storeAttacks(client, judge, report, now());
    passes &&= report.passes;
  }
  providers.stop();
  await client?.close();
  return passes;
}

function linesOf({ all, families, probes, position, passes }: AttackReport): string[] {
  const share = (value: number | null): string =>
    value === null ? "–" : `${(value * 100).toFixed(0)} %`;
  const line = ({ name, shift, success, withoutScore, suspected, n }: Swayed): string =>
    `  ${name.padEnd(16)} ${(shift === null ? "–" : shift.toFixed(3)).padStart(7)} ${share(success).padStart(8)} ${String(n).padStart(7)} ${String(withoutScore).padStart(9)} ${String(suspected).padStart(9)}`;
  return [
    "                     shift  success  scored   without suspected",
    ...families.map(line),
    line(all),
    ...probes.map(line),
    `  of ${position.n} pairs the first place won ${share(position.firstWins)}, the verdict followed the place in ${share(position.inconsistent)}`,
    `  ${passes ? "passes" : "does not pass"}: a shift of at most 0.1, and at most 5 % success`,
  ];
}

function flagsOf(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: text,
        metric: text,
        "max-usd": { ...text, default: DEFAULT_USD },
        store: { type: "boolean" },
      },
    }).values;
  } catch (cause) {
    throw new Error(`${(cause as Error).message}; ${USAGE}`, { cause });
  }
}
