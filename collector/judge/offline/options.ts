/** What the commands' options mean, and what is said when they mean nothing. */
import { readJudgeConfig, type Judge, type JudgeConfig } from "../config.ts";

/** @throws naming what is wrong with the file, or that none is named */
export function configOf(
  given: string | undefined,
  { configFile, env }: { configFile: string | undefined; env: NodeJS.ProcessEnv },
): JudgeConfig {
  const config = readJudgeConfig(given ?? configFile, env);
  if (!config)
    throw new Error(
      "expected judges: name their file with --config or ASSAY_JUDGE (docs/judging.md)",
    );
  return config;
}

export function usdOption(text: string | undefined): number | undefined {
  return text === undefined ? undefined : numberOption("--max-usd", text, "an amount of USD");
}

export function limitOption(text: string | undefined, usual: number, most: number): number {
  const limit = text === undefined ? usual : numberOption("--limit", text, "a number of records");
  if (Number.isInteger(limit) && limit <= most) return limit;
  throw new Error(`--limit: expected a whole number up to ${most}, got "${text}"`);
}

function numberOption(name: string, text: string, what: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new Error(`${name}: expected ${what} above 0, got "${text}"`);
}

/** As in `faithfulness/strong`. */
export function judgeName({ metric, role }: Judge): string {
  return `${metric.metric}/${role}`;
}
