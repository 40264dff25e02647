/**
 * The file that ASSAY_CHECKS names: what differs from the shipped checks, and who is told (docs/checks.md). Without a file the
 * shipped checks run and nobody is told; `off` evaluates nothing.
 */
import { z } from "zod";
import type { Budget } from "../budgets.ts";
import { parseConfigFile, readConfigFile } from "../config-file.ts";
import { type NotifyConfig, notifyConfigOf, notifySection } from "./notify/config.ts";
import { type Check, checksSection, readChecks } from "./definition.ts";

const file = z.strictObject({
  checks: checksSection.default({}),
  notify: notifySection.optional(),
});

export interface ChecksConfig {
  checks: Check[];
  notify: NotifyConfig | undefined;
}

/** Undefined: nothing is evaluated. @throws ConfigFileError naming every problem */
export function readChecksConfig(
  setting: string | undefined,
  env: NodeJS.ProcessEnv,
  budgets: readonly Budget[] = [],
): ChecksConfig | undefined {
  if (setting === "off") return undefined;
  if (setting === undefined)
    return { checks: readChecks({}, "checks", budgets), notify: undefined };
  return parseChecksConfig(readConfigFile("ASSAY_CHECKS", setting), env, setting, budgets);
}

export function parseChecksConfig(
  text: string,
  env: NodeJS.ProcessEnv,
  name: string,
  budgets: readonly Budget[] = [],
): ChecksConfig {
  const parsed = parseConfigFile(text, name, file);
  return {
    checks: readChecks(parsed.checks, name, budgets),
    notify: parsed.notify && notifyConfigOf(parsed.notify, env, name),
  };
}
